//! Writes what the Rust client says of the program's instructions and events, from the IDL.
//!
//! An IDL has no place for the words of an argument: they stand in the instruction's documentation, as lines
//! ``- `name`: words``.

use std::{error::Error, fmt::Write, fs, path::Path};

use anchor_lang_idl::types::{
    Idl, IdlArrayLen, IdlDefinedFields, IdlField, IdlInstruction, IdlInstructionAccount, IdlInstructionAccountItem,
    IdlType, IdlTypeDefTy,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Events of the same fields share a record, named after the first of them unless it says here what they have in common.
const SHARED: [(&str, &str, &str); 2] = [
    ("Deposited", "Movement", "Tokens or shares of a margin account, or of a stake in a reserve's insurance."),
    ("ChangeQueued", "ChangeEvent", "What became of a change."),
];

const HEAD: &str = "// Written by scripts/build from idl/ballast.json.\n\nuse super::*;\n";

/// Columns that a line may have.
const WIDTH: usize = 120;

/// Writes the two files into a client's folder.
pub fn write(idl: &Path, folder: &Path) -> Result<()> {
    let idl: Idl = serde_json::from_str(&fs::read_to_string(idl)?)?;
    crate::put(&folder.join("src/instruction/generated.rs"), &instructions(&idl)?)?;
    crate::put(&folder.join("src/event/generated.rs"), &events(&idl)?)
}

fn instructions(idl: &Idl) -> Result<String> {
    let mut all = idl.instructions.iter().map(|one| Ok((tag(one)?, one))).collect::<Result<Vec<_>>>()?;
    all.sort_by_key(|(tag, _)| *tag);
    let mut out = format!("{HEAD}\ninstructions! {{\n");
    for (tag, instruction) in all {
        let name = &instruction.name;
        let (docs, mut words) = split_docs(&instruction.docs);
        let docs = docs.into_iter().map(|paragraph| linked(&paragraph, idl, name)).collect::<Vec<_>>();
        document(&mut out, 4, &docs.join("\n"));
        writeln!(out, "    {} = {tag} \"{name}\" {{", camel(name))?;
        for account in &instruction.accounts {
            let IdlInstructionAccountItem::Single(account) = account else {
                return Err(format!("{name}: nested accounts are not supported").into());
            };
            let (flags, doc) = describe(account).map_err(|error| format!("{name}.{}: {error}", account.name))?;
            document(&mut out, 8, &doc);
            writeln!(out, "        {}: {flags},", account.name)?;
        }
        out.push_str(if instruction.args.is_empty() { "    } (" } else { "    } (\n" });
        for argument in &instruction.args {
            let place = words.iter().position(|(of, _)| *of == argument.name);
            let place =
                place.ok_or_else(|| format!("{name}: its documentation has no line `- `{}`: …`", argument.name))?;
            document(&mut out, 8, &linked(&words.remove(place).1, idl, name));
            let ty = rust_type(&argument.ty).map_err(|error| format!("{name}.{}: {error}", argument.name))?;
            writeln!(out, "        {}: {ty},", argument.name)?;
        }
        out.push_str(if instruction.args.is_empty() { ")\n" } else { "    )\n" });
        if let Some((of, _)) = words.first() {
            return Err(format!("{name}: has no argument `{of}`, which its documentation describes").into());
        }
    }
    out.push_str("}\n");
    Ok(out)
}

/// The byte that an instruction's data begin with.
fn tag(instruction: &IdlInstruction) -> Result<u8> {
    match instruction.discriminator[..] {
        [tag] => Ok(tag),
        _ => {
            Err(format!("{}: its discriminator is not one byte: `#[discrim = …]` is missing", instruction.name).into())
        }
    }
}

/// Paragraphs, and the words of each argument.
fn split_docs(docs: &[String]) -> (Vec<String>, Vec<(String, String)>) {
    let (mut paragraphs, mut words) = (vec![String::new()], Vec::<(String, String)>::new());
    for line in docs {
        let argument = line.strip_prefix("- `").and_then(|line| line.split_once("`: "));
        match (argument, words.last_mut()) {
            (Some((name, text)), _) => words.push((name.into(), text.into())),
            (None, Some((_, text))) => append(text, line),
            (None, None) if line.is_empty() => paragraphs.push(String::new()),
            (None, None) => append(paragraphs.last_mut().expect("there is one"), line),
        }
    }
    paragraphs.retain(|paragraph| !paragraph.is_empty());
    words.iter_mut().for_each(|(_, text)| *text = sentence(text));
    (paragraphs, words)
}

fn append(text: &mut String, line: &str) {
    if !text.is_empty() && !line.is_empty() {
        text.push(' ');
    }
    text.push_str(line.trim());
}

/// An account's flags, and what it is.
fn describe(account: &IdlInstructionAccount) -> Result<(&'static str, String)> {
    if account.optional {
        return Err("optional accounts are not supported".into());
    }
    let (flags, use_) = match (account.signer, account.writable) {
        (true, true) => ("signer writable", "Signs and is written to."),
        (true, false) => ("signer", "Signs."),
        (false, true) => ("writable", "Written to."),
        (false, false) => ("readonly", "Read only."),
    };
    let docs = account.docs.join(" ");
    let mut doc = sentence(docs.strip_prefix("CHECK: ").unwrap_or(&docs));
    if let Some(address) = &account.address {
        append(&mut doc, &format!("Always `{address}`."));
    }
    append(&mut doc, use_);
    Ok((flags, doc))
}

fn events(idl: &Idl) -> Result<String> {
    let mut records = Vec::<(&str, &str, Vec<IdlField>)>::new();
    let mut table = String::from("events! {\n");
    for event in &idl.events {
        let definition = idl.types.iter().find(|definition| definition.name == event.name);
        let definition = definition.ok_or_else(|| format!("{}: the IDL does not define it", event.name))?;
        let IdlTypeDefTy::Struct { fields: Some(IdlDefinedFields::Named(fields)) } = &definition.ty else {
            return Err(format!("{}: has no named fields", event.name).into());
        };
        if fields.first().is_none_or(|first| first.name != "number" || first.ty != IdlType::U64) {
            return Err(format!("{}: does not begin with its number in the market, a u64", event.name).into());
        }
        let subject =
            ["vault", "account", "market"].into_iter().find(|subject| fields[1..].iter().any(|it| it.name == *subject));
        let subject = subject.ok_or_else(|| format!("{}: names no vault, account or market", event.name))?;
        let doc = definition.docs.join(" ");
        let record = match records.iter().find(|(_, _, of)| of == fields) {
            Some((record, ..)) => *record,
            None => {
                let shared = SHARED.iter().find(|(first, ..)| shape(idl, first) == Some(fields));
                let (name, doc) = shared.map_or((event.name.as_str(), None), |(_, name, doc)| (*name, Some(*doc)));
                records.push((name, doc.unwrap_or_default(), fields.clone()));
                name
            }
        };
        document(&mut table, 4, &doc);
        writeln!(table, "    {}({record}) of {subject} = {:?};", event.name, event.discriminator)?;
    }
    table.push_str("}\n");

    let mut out = format!("{HEAD}\nrecords! {{\n");
    for (name, doc, fields) in records {
        let of_event = idl.types.iter().find(|definition| definition.name == name);
        let doc = of_event.map_or_else(|| doc.to_owned(), |definition| definition.docs.join(" "));
        document(&mut out, 4, &doc);
        writeln!(out, "    {name} {{")?;
        let (fields, padding) = match fields.split_last() {
            Some((last, rest)) if last.name == "padding" => (rest, size_of_padding(name, &last.ty)?),
            _ => (&fields[..], 0),
        };
        for field in fields {
            if field.docs.is_empty() {
                return Err(format!("{name}.{}: has no documentation", field.name).into());
            }
            document(&mut out, 8, &linked(&field.docs.join(" "), idl, ""));
            let ty = rust_type(&field.ty).map_err(|error| format!("{name}.{}: {error}", field.name))?;
            writeln!(out, "        {}: {ty},", field.name)?;
        }
        writeln!(out, "    }} padding {padding}")?;
    }
    Ok(out + "}\n\n" + &table)
}

/// The fields of an event.
fn shape<'a>(idl: &'a Idl, event: &str) -> Option<&'a Vec<IdlField>> {
    let definition = idl.types.iter().find(|definition| definition.name == event)?;
    match &definition.ty {
        IdlTypeDefTy::Struct { fields: Some(IdlDefinedFields::Named(fields)) } => Some(fields),
        _ => None,
    }
}

fn size_of_padding(record: &str, ty: &IdlType) -> Result<usize> {
    match ty {
        IdlType::Array(item, IdlArrayLen::Value(length)) if **item == IdlType::U8 => Ok(*length),
        _ => Err(format!("{record}.padding: is not bytes").into()),
    }
}

fn rust_type(ty: &IdlType) -> Result<String> {
    Ok(match ty {
        IdlType::Bool => "bool".into(),
        IdlType::U8 => "u8".into(),
        IdlType::U16 => "u16".into(),
        IdlType::U32 => "u32".into(),
        IdlType::U64 => "u64".into(),
        IdlType::I64 => "i64".into(),
        IdlType::Pubkey => "Address".into(),
        IdlType::Bytes => "Vec<u8>".into(),
        IdlType::Array(item, IdlArrayLen::Value(length)) => format!("[{}; {length}]", rust_type(item)?),
        IdlType::Defined { name, generics } if generics.is_empty() => name.clone(),
        other => return Err(format!("the type {other:?} is not supported").into()),
    })
}

fn camel(name: &str) -> String {
    name.split('_').map(capital).collect()
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// With a capital letter and a full stop.
fn sentence(text: &str) -> String {
    let text = capital(text.trim());
    if text.is_empty() || text.ends_with('.') { text } else { text + "." }
}

/// With links to the other instructions and to paths that it names.
fn linked(text: &str, idl: &Idl, own: &str) -> String {
    let is_instruction = |word: &str| word != own && idl.instructions.iter().any(|one| one.name == word);
    let words = text.split('`').enumerate().map(|(nth, word)| match nth % 2 {
        1 if is_instruction(word) => format!("[`{}`]", camel(word)),
        1 if word.contains("::") => format!("[`{word}`]"),
        1 => format!("`{word}`"),
        _ => word.to_owned(),
    });
    words.collect()
}

/// Appends documentation, a paragraph a line.
fn document(out: &mut String, indent: usize, text: &str) {
    let head = format!("{:indent$}///", "");
    for (nth, paragraph) in text.lines().enumerate() {
        if nth > 0 {
            *out += &format!("{head}\n");
        }
        let mut line = head.clone();
        for word in paragraph.split(' ') {
            if line.len() > head.len() && line.chars().count() + 1 + word.chars().count() > WIDTH {
                *out += &(std::mem::replace(&mut line, head.clone()) + "\n");
            }
            line = line + " " + word;
        }
        *out += &(line + "\n");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// An IDL of one instruction, and no event.
    fn of(change: impl FnOnce(&mut Value)) -> Idl {
        let mut instruction = json!({
            "name": "put_in",
            "docs": ["Puts tokens in;", "`u64::MAX` puts in all.", "", "- `amount`: atoms, which", "must be there"],
            "discriminator": [7],
            "accounts": [
                { "name": "payer", "docs": ["CHECK: pays"], "signer": true },
                { "name": "system_program", "address": "11111111111111111111111111111111" },
            ],
            "args": [{ "name": "amount", "type": "u64" }],
        });
        change(&mut instruction);
        let metadata = json!({ "name": "program", "version": "0.1.0", "spec": "0.1.0" });
        let idl = json!({ "address": "", "metadata": metadata, "instructions": [instruction] });
        serde_json::from_value(idl).expect("an IDL")
    }

    #[test]
    fn an_instruction_has_its_words_accounts_and_arguments() {
        let expected = "instructions! {
    /// Puts tokens in; [`u64::MAX`] puts in all.
    PutIn = 7 \"put_in\" {
        /// Pays. Signs.
        payer: signer,
        /// Always `11111111111111111111111111111111`. Read only.
        system_program: readonly,
    } (
        /// Atoms, which must be there.
        amount: u64,
    )
}
";
        assert_eq!(instructions(&of(|_| ())).expect("written"), format!("{HEAD}\n{expected}"));
    }

    #[test]
    fn what_cannot_be_written_is_named() {
        let error = |change: fn(&mut Value)| instructions(&of(change)).expect_err("refused").to_string();
        assert!(error(|it| it["docs"] = json!(["Puts in."])).starts_with("put_in: its documentation has no line"));
        assert!(error(|it| it["args"] = json!([])).starts_with("put_in: has no argument `amount`"));
        assert!(
            error(|it| it["discriminator"] = json!([1, 2])).starts_with("put_in: its discriminator is not one byte")
        );
        assert!(error(|it| it["args"][0]["type"] = json!("f32")).starts_with("put_in.amount: the type F32"));
        assert!(error(|it| it["accounts"][0]["optional"] = json!(true)).starts_with("put_in.payer: optional accounts"));
    }

    #[test]
    fn an_events_fields_have_words() {
        let mut idl = of(|_| ());
        idl.events = serde_json::from_value(json!([{ "name": "Paid", "discriminator": [1, 2, 3, 4, 5, 6, 7, 8] }]))
            .expect("an event");
        assert_eq!(events(&idl).expect_err("no type").to_string(), "Paid: the IDL does not define it");
        let mut fields = json!([
            { "name": "number", "type": "u64", "docs": ["Its number."] },
            { "name": "market", "type": "pubkey", "docs": ["The market."] },
            { "name": "padding", "type": { "array": ["u8", 3] } },
        ]);
        let mut with = |fields: &Value| {
            let definition =
                json!({ "name": "Paid", "docs": ["It was paid."], "type": { "kind": "struct", "fields": fields } });
            idl.types = vec![serde_json::from_value(definition).expect("a type")];
            events(&idl).map_err(|error| error.to_string())
        };
        let written = with(&fields).expect("written");
        assert!(written.contains("market: Address,\n    } padding 3\n"), "{written}");
        assert!(written.contains("    Paid(Paid) of market = [1, 2, 3, 4, 5, 6, 7, 8];\n"), "{written}");
        fields[1]["docs"] = json!([]);
        assert_eq!(with(&fields), Err("Paid.market: has no documentation".into()));
        fields[1]["name"] = json!("who");
        assert_eq!(with(&fields), Err("Paid: names no vault, account or market".into()));
        fields[0]["type"] = json!("u32");
        assert_eq!(with(&fields), Err("Paid: does not begin with its number in the market, a u64".into()));
    }
}
