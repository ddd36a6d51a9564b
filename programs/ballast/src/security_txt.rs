//! Whom to tell of a vulnerability, in the program itself: explorers and `query-security-txt` read it from the deployed bytes.
//!
//! The repository does not know where it will be published, nor who deploys it. Until whoever does writes their own address
//! here, it is one that can never exist (RFC 6761), so that nobody can take it and receive reports in their place.

solana_security_txt::security_txt! {
    name: "Ballast",
    project_url: "https://ballast.invalid",
    contacts: "other:open a private security advisory on the repository",
    policy: "SECURITY.md in the repository",
    preferred_languages: "en",
    auditors: "None"
}
