//! Who may speak to the network: programs of this machine, and pages that it serves itself. A website could otherwise drive the
//! network of whoever visits it, directly or under a name of its own that leads to this machine (DNS rebinding).

use axum::{
    extract::Request,
    http::{
        HeaderMap, StatusCode, Uri,
        header::{HOST, HeaderName, ORIGIN},
        uri::Authority,
    },
    middleware::Next,
    response::{IntoResponse, Response},
};

/// Passes a request on, or answers why not with status 403.
pub async fn check(request: Request, next: Next) -> Response {
    match refusal(request.headers()) {
        Some(words) => (StatusCode::FORBIDDEN, words).into_response(),
        None => next.run(request).await,
    }
}

/// Why a request is refused.
fn refusal(headers: &HeaderMap) -> Option<String> {
    if !one(headers, &HOST).is_some_and(|host| host.parse().is_ok_and(|host| is_here(&host))) {
        return Some("Host: this network answers under 127.0.0.1, localhost and [::1] alone\n".into());
    }
    // Programs send none; browsers always do where it matters.
    if !headers.contains_key(ORIGIN) || one(headers, &ORIGIN).is_some_and(is_page_of_here) {
        return None;
    }
    Some("Origin: this network answers no page of another machine: open one of 127.0.0.1, localhost or [::1]\n".into())
}

/// A header that stands there once.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())?.to_str().ok()
}

fn is_here(authority: &Authority) -> bool {
    ["127.0.0.1", "localhost", "[::1]"].iter().any(|name| authority.host().eq_ignore_ascii_case(name))
}

fn is_page_of_here(origin: &str) -> bool {
    let Ok(uri) = origin.parse::<Uri>() else { return false };
    matches!(uri.scheme_str(), Some("http" | "https")) && uri.authority().is_some_and(is_here)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(all: &[(HeaderName, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in all {
            headers.append(name, axum::http::HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn only_this_machine_is_answered() {
        for host in ["127.0.0.1:8901", "localhost", "LocalHost:80", "[::1]:8901"] {
            assert_eq!(refusal(&headers(&[(HOST, host)])), None, "{host}");
            for origin in ["http://127.0.0.1:8901", "http://localhost:5173", "https://[::1]"] {
                assert_eq!(refusal(&headers(&[(HOST, host), (ORIGIN, origin)])), None, "{origin}");
            }
        }
        for host in
            ["evil.example:8901", "127.0.0.1.evil.example", "localhost.", "192.168.0.7", "127.0.0.1@evil.example", ""]
        {
            assert!(refusal(&headers(&[(HOST, host)])).is_some_and(|words| words.starts_with("Host")), "{host}");
        }
        assert!(refusal(&headers(&[])).is_some());
        assert!(refusal(&headers(&[(HOST, "localhost"), (HOST, "evil.example")])).is_some());
        for origin in [
            "https://evil.example",
            "http://localhost.evil.example",
            "null",
            "localhost",
            "file://",
            "chrome-extension://localhost",
            "",
        ] {
            let words = refusal(&headers(&[(HOST, "localhost"), (ORIGIN, origin)]));
            assert!(words.is_some_and(|words| words.starts_with("Origin")), "{origin}");
        }
        let twice = [(HOST, "localhost"), (ORIGIN, "http://localhost"), (ORIGIN, "http://evil.example")];
        assert!(refusal(&headers(&twice)).is_some());
    }
}
