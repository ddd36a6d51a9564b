; rustc returns a 128-bit value through a hidden pointer; LLVM 23's own calls to these five functions expect it in
; two registers. Each adapter below takes LLVM's call and passes it on to the Rust side,
; programs/ballast/src/builtins.rs.

target datalayout = "e-m:e-p:64:64-i64:64-i128:128-n32:64-S128"
target triple = "bpfel"

declare void @sbf_multi3(ptr sret([16 x i8]) align 16, i128, i128)
define i128 @__multi3(i128 %a, i128 %b) {
  %p = alloca i128, align 16
  call void @sbf_multi3(ptr sret([16 x i8]) align 16 %p, i128 %a, i128 %b)
  %r = load i128, ptr %p, align 16
  ret i128 %r
}

declare void @sbf_udivti3(ptr sret([16 x i8]) align 16, i128, i128)
define i128 @__udivti3(i128 %a, i128 %b) {
  %p = alloca i128, align 16
  call void @sbf_udivti3(ptr sret([16 x i8]) align 16 %p, i128 %a, i128 %b)
  %r = load i128, ptr %p, align 16
  ret i128 %r
}

declare void @sbf_umodti3(ptr sret([16 x i8]) align 16, i128, i128)
define i128 @__umodti3(i128 %a, i128 %b) {
  %p = alloca i128, align 16
  call void @sbf_umodti3(ptr sret([16 x i8]) align 16 %p, i128 %a, i128 %b)
  %r = load i128, ptr %p, align 16
  ret i128 %r
}

declare void @sbf_divti3(ptr sret([16 x i8]) align 16, i128, i128)
define i128 @__divti3(i128 %a, i128 %b) {
  %p = alloca i128, align 16
  call void @sbf_divti3(ptr sret([16 x i8]) align 16 %p, i128 %a, i128 %b)
  %r = load i128, ptr %p, align 16
  ret i128 %r
}

declare void @sbf_modti3(ptr sret([16 x i8]) align 16, i128, i128)
define i128 @__modti3(i128 %a, i128 %b) {
  %p = alloca i128, align 16
  call void @sbf_modti3(ptr sret([16 x i8]) align 16 %p, i128 %a, i128 %b)
  %r = load i128, ptr %p, align 16
  ret i128 %r
}
