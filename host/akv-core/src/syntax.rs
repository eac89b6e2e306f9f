//! The syntax of names that Kubernetes gives, as its API server checks them.

/// A key of a Secret or ConfigMap: at most 253 of `[-._a-zA-Z0-9]`, not `.`, not beginning with `..`.
pub fn is_key(text: &str) -> bool {
    (1..=253).contains(&text.len())
        && text != "."
        && !text.starts_with("..")
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// A DNS-1123 subdomain: the name of a Secret or ConfigMap.
pub fn is_dns_name(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_dns_part)
}

/// A DNS-1123 label: the name of a namespace.
pub fn is_dns_label(text: &str) -> bool {
    text.len() <= 63 && is_dns_part(text)
}

/// A part of a DNS-1123 subdomain; Kubernetes does not bound each part.
fn is_dns_part(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.starts_with(inner) && text.ends_with(inner) && text.chars().all(|c| inner(c) || c == '-')
}

/// The key of a label or annotation: a name, with a DNS name and a slash before it if wanted.
pub fn is_metadata_key(text: &str) -> bool {
    match text.split_once('/') {
        None => is_qualified(text),
        Some((prefix, name)) => is_dns_name(prefix) && is_qualified(name),
    }
}

/// The value of a label; an empty one is legal.
pub fn is_label_value(text: &str) -> bool {
    text.is_empty() || is_qualified(text)
}

fn is_qualified(text: &str) -> bool {
    let edge = |c: char| c.is_ascii_alphanumeric();
    text.len() <= 63
        && text.starts_with(edge)
        && text.ends_with(edge)
        && text.chars().all(|c| edge(c) || matches!(c, '-' | '_' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rule: fn(&str) -> bool, good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(rule(text), "{text:?}");
        }
        for text in bad {
            assert!(!rule(text), "{text:?}");
        }
    }

    #[test]
    fn names_are_those_that_the_api_server_takes() {
        let long = "a".repeat(254);
        let wide = "a".repeat(64);
        check(is_key, &["a", "tls.crt", ".env", "A_b-c.9"], &["", ".", "..", "..a", "a/b", "a b", "ü", &long]);
        check(is_dns_name, &["a", "a.b-c.9", &wide], &["", ".", "a.", "-a", "a-", "A", "a_b", "a..b", &long]);
        check(is_dns_label, &["a", "kube-system"], &["", "a.b", "-a", &wide]);
        check(is_metadata_key, &["app", "a.b/c_D", "x/Y"], &["", "/a", "a/", "a/b/c", "A/b", "-a", &wide]);
        check(is_label_value, &["", "a", "A.b_c-9"], &["-", "a b", ".a", &wide]);
    }
}
