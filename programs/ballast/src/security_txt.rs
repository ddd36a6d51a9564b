//! Whom to tell of a vulnerability, in the program itself: explorers and `query-security-txt` read it from the deployed bytes.
//!
//! The repository does not know where it will be published, nor who deploys it. Whoever deploys it writes their own address
//! here. Until then the address is one that can never exist (RFC 6761), so that nobody can register it and receive reports.

solana_security_txt::security_txt! {
    name: "Ballast",
    project_url: "https://ballast.invalid",
    contacts: "other:open a private security advisory on the repository",
    policy: "SECURITY.md in the repository",
    preferred_languages: "en",
    auditors: "None"
}
