//! The name of an image, read as containerd and kubelet read it.
//!
//! The grammar is that of `github.com/distribution/reference`, the defaults those of Docker: no host means `docker.io`, no
//! slash there `library/`, no tag `latest`; beside a digest a tag means nothing.

use std::fmt;

use thiserror::Error;

use crate::digest::Digest;
use crate::host::Host;

/// Docker Hub's name; its registry has another.
pub(crate) const DOCKER_HUB: &str = "docker.io";
/// Where Docker Hub's images really are.
pub(crate) const HUB_REGISTRY: &str = "registry-1.docker.io";
/// The grammar's own limit, host included.
const LONGEST_NAME: usize = 255;
/// A name, a tag and a digest; kubelet knows no longer one that can be pulled.
const LONGEST: usize = 255 + 1 + 128 + 1 + 7 + 128;

/// An image that a registry may be asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Image {
    host: Host,
    repository: String,
    reference: Reference,
}

/// Which manifest of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Reference {
    /// What the registry says today.
    Tag(String),
    /// One for ever.
    Digest(Digest),
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => f.write_str(tag),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

/// Why a text is no image name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ImageError {
    /// Longer than any image name.
    #[error("the image name is too long")]
    Long,
    /// The part before the first slash.
    #[error("the part of the image name before the first slash is no host with an optional port")]
    Host,
    /// The part between the host and the tag.
    #[error(
        "the repository of the image name is not made of lower-case letters, digits and single separators, in parts with slashes between"
    )]
    Repository,
    /// After the colon.
    #[error("the tag of the image name is not made of up to 128 letters, digits, `_`, `.` and `-`")]
    Tag,
    /// After the `@`.
    #[error("the digest of the image name is no sha256 or sha512 digest")]
    Digest,
}

impl Image {
    /// Reads an image name such as `nginx`, `ghcr.io/org/app:1.2` or `localhost:5000/app@sha256:…`.
    pub fn parse(text: &str) -> Result<Self, ImageError> {
        if text.len() > LONGEST {
            return Err(ImageError::Long);
        }
        let (text, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(Digest::parse(digest).ok_or(ImageError::Digest)?)),
            None => (text, None),
        };
        let (host, rest) = split_host(text);
        let host = Host::parse(host).ok_or(ImageError::Host)?;
        let (path, tag) = match rest.split_once(':') {
            Some((path, tag)) => (path, Some(tag)),
            None => (rest, None),
        };
        // Sixty-four hexadecimal digits are an image's identifier on a node, never a name.
        let identifier = text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if identifier || !is_repository(path) {
            return Err(ImageError::Repository);
        }
        let repository = match host.name() {
            DOCKER_HUB if !path.contains('/') => format!("library/{path}"),
            _ => path.to_owned(),
        };
        if host.to_string().len() + 1 + repository.len() > LONGEST_NAME {
            return Err(ImageError::Long);
        }
        let tag = tag.map_or(Ok("latest"), |tag| is_tag(tag).then_some(tag).ok_or(ImageError::Tag))?;
        let reference = digest.map_or_else(|| Reference::Tag(tag.to_owned()), Reference::Digest);
        Ok(Self { host, repository, reference })
    }

    /// The registry as the name says it, `docker.io` for Docker Hub.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The repository, without the host.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag or the digest.
    pub fn reference(&self) -> &Reference {
        &self.reference
    }
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if matches!(self.reference, Reference::Tag(_)) { ':' } else { '@' };
        write!(f, "{}/{}{mark}{}", self.host, self.repository, self.reference)
    }
}

/// The host and the rest. The first part is a host if it has a dot or a colon, or is `localhost`. To containerd it also is
/// one if it has an upper-case letter and nothing else says so, which is too fine a difference to go by: it is no name here.
fn split_host(text: &str) -> (&str, &str) {
    let (host, rest) = match text.split_once('/') {
        Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => (first, rest),
        _ => (DOCKER_HUB, text),
    };
    (if host == "index.docker.io" { DOCKER_HUB } else { host }, rest)
}

/// Parts with slashes between.
pub(crate) fn is_repository(text: &str) -> bool {
    text.split('/').all(component)
}

/// Letters and digits with one `.`, one or two `_`, or any number of `-` between them.
fn component(text: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    let ends = bytes.first().is_some_and(|b| alphanumeric(*b)) && bytes.last().is_some_and(|b| alphanumeric(*b));
    ends && bytes
        .split(|b| alphanumeric(*b))
        .all(|between| matches!(between, b"" | b"." | b"_" | b"__") || between.iter().all(|b| *b == b'-'))
}

fn is_tag(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    text.len() <= 128
        && text.bytes().next().is_some_and(word)
        && text.bytes().all(|b| word(b) || b == b'.' || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, ImageError>) {
        let parsed = Image::parse(text).map(|image| image.to_string());
        assert_eq!(parsed.as_deref().map_err(|error| *error), expected, "{text}");
    }

    #[test]
    fn names_are_completed_as_docker_does() {
        let digest = format!("sha256:{}", "a".repeat(64));
        check("nginx", Ok("docker.io/library/nginx:latest"));
        check("index.docker.io/nginx:1", Ok("docker.io/library/nginx:1"));
        check("org/app", Ok("docker.io/org/app:latest"));
        check("localhost/app", Ok("localhost/app:latest"));
        check("localhost:5000/app:v1", Ok("localhost:5000/app:v1"));
        check("registry.example:5000/a/b-c__d.e:T_1.2-3", Ok("registry.example:5000/a/b-c__d.e:T_1.2-3"));
        check("Registry.Example/app", Ok("registry.example/app:latest"));
        check("[::1]:5000/app", Ok("[::1]:5000/app:latest"));
        check(&format!("ghcr.io/o/a:1@{digest}"), Ok(&format!("ghcr.io/o/a@{digest}")));
        check("a:1", Ok("docker.io/library/a:1"));
        check("a---b", Ok("docker.io/library/a---b:latest"));
    }

    #[test]
    fn names_that_would_lead_elsewhere_are_no_names() {
        for (text, error) in [
            ("user@registry.example/app", ImageError::Digest),
            ("user:secret@registry.example/app", ImageError::Digest),
            ("https://registry.example/app", ImageError::Host),
            ("2130706433:80/app", ImageError::Host),
            ("0x7f.1/app", ImageError::Host),
            ("127.1/app", ImageError::Host),
            ("0177.0.0.1/app", ImageError::Host),
            ("[::ffff:127.0.0.1]/app", ImageError::Host),
            ("registry.example:99999/app", ImageError::Host),
            ("registry.example/../app", ImageError::Repository),
            ("registry.example/a/../../b", ImageError::Repository),
            ("registry.example//app", ImageError::Repository),
            ("registry.example/app/", ImageError::Repository),
            ("Registry/app", ImageError::Repository),
            ("registry.example/App", ImageError::Repository),
            ("registry.example/a%2e%2e/b", ImageError::Repository),
            ("registry.example/a?b", ImageError::Repository),
            ("registry.example/a#b", ImageError::Repository),
            ("registry.example/a\r\nx", ImageError::Repository),
            ("a..b", ImageError::Repository),
            ("a___b", ImageError::Repository),
            ("app:", ImageError::Tag),
            ("app:a/../b", ImageError::Host),
            ("app:-x", ImageError::Tag),
            ("app@sha256:abc", ImageError::Digest),
            ("", ImageError::Repository),
            (" nginx", ImageError::Repository),
        ] {
            check(text, Err(error));
        }
        check(&"a".repeat(64), Err(ImageError::Repository));
        check(&"g".repeat(250), Err(ImageError::Long));
        check(&"g".repeat(5000), Err(ImageError::Long));
        check(&format!("app:{}", "t".repeat(129)), Err(ImageError::Tag));
    }
}
