//! What the IDL says of the engine's records, read from their layout.

/// Describes a wrapper of an engine record to Anchor's IDL.
macro_rules! describe {
    ($name:ident as account of $inner:ty, with [$($part:ty),*]) => {
        impl IdlAccountType for $name {
            #[cfg(feature = "idl-build")]
            fn __idl_account_entry() -> Option<&'static str> {
                Some($crate::idl::build::account_entry(stringify!($name), <Self as Discriminator>::DISCRIMINATOR))
            }
            $crate::idl::describe!(@definitions $name, $inner, true, [$($part),*]);
        }
    };
    ($name:ident as argument of $inner:ty) => {
        impl IdlAccountType for $name {
            $crate::idl::describe!(@definitions $name, $inner, false, []);
        }
    };
    (@definitions $name:ident, $inner:ty, $is_account:literal, [$($part:ty),*]) => {
        #[cfg(feature = "idl-build")]
        fn __idl_type_def() -> Option<&'static str> {
            $crate::idl::build::definitions::<$inner>(stringify!($name)).into_iter().last()
        }
        #[cfg(feature = "idl-build")]
        fn __register_idl_deps(accounts: &mut Vec<&'static str>, types: &mut Vec<&'static str>) {
            if $is_account {
                accounts.extend(Self::__idl_account_entry());
            }
            types.extend($crate::idl::build::definitions::<$inner>(stringify!($name)));
            $(types.extend($crate::idl::build::definitions::<$part>(<$part as ballast_engine::record::layout::Record>::NAME));)*
        }
    };
}
pub(crate) use describe;

#[cfg(feature = "idl-build")]
pub mod build {
    use ballast_engine::record::layout::{Field, FieldType, Record};

    /// The entry of an account in the IDL's list.
    pub fn account_entry(name: &str, discriminator: &[u8]) -> &'static str {
        format!("{{\"name\":\"{name}\",\"discriminator\":{discriminator:?}}}").leak()
    }

    /// The definition of a record under a name, behind those of the records it contains.
    pub fn definitions<T: Record>(name: &str) -> Vec<&'static str> {
        let mut types = Vec::new();
        define(name, T::FIELDS, &mut types);
        types
    }

    fn define(name: &str, fields: &[Field], types: &mut Vec<&'static str>) {
        let described: Vec<_> = fields
            .iter()
            .map(|field| format!("{{\"name\":\"{}\",\"type\":{}}}", field.name, lower(&field.field_type, types)))
            .collect();
        let definition = format!(
            "{{\"name\":\"{name}\",\"serialization\":\"bytemuck\",\"repr\":{{\"kind\":\"c\"}},\"type\":{{\"kind\":\"struct\",\"fields\":[{}]}}}}",
            described.join(",")
        );
        types.push(definition.leak());
    }

    fn lower(field_type: &FieldType, types: &mut Vec<&'static str>) -> String {
        match field_type {
            FieldType::U8 => "\"u8\"".into(),
            FieldType::U16 => "\"u16\"".into(),
            FieldType::U32 => "\"u32\"".into(),
            FieldType::U64 => "\"u64\"".into(),
            FieldType::U128 => "\"u128\"".into(),
            FieldType::I16 => "\"i16\"".into(),
            FieldType::I32 => "\"i32\"".into(),
            FieldType::I64 => "\"i64\"".into(),
            FieldType::Address => "\"pubkey\"".into(),
            FieldType::Array(element, length) => format!("{{\"array\":[{},{length}]}}", lower(element, types)),
            FieldType::Record(name, fields) => {
                define(name, fields, types);
                format!("{{\"defined\":{{\"name\":\"{name}\"}}}}")
            }
        }
    }
}
