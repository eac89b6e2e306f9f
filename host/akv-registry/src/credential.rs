//! What a registry is shown, and a name for it that gives nothing away.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ring::hmac;
use ring::rand::SystemRandom;
use zeroize::Zeroizing;

/// A text that is neither printed nor compared by accident and is wiped when it is dropped.
#[derive(Clone)]
pub struct Token(Zeroizing<String>);

impl Token {
    /// Takes the text.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(withheld)")
    }
}

/// A way to show a registry who asks.
#[derive(Debug, Clone)]
pub(crate) enum Credential {
    /// Nobody in particular.
    Anonymous,
    /// A name and a password.
    Password { user: Token, password: Token },
    /// A refresh token, which only a token service takes (`identitytoken` of Docker's files).
    Identity(Token),
    /// The identity of the cloud, by the token exchange of its container registries.
    Exchange,
}

impl Credential {
    /// The value of an `Authorization` header, for passwords only.
    pub(crate) fn basic(&self) -> Option<Token> {
        let Self::Password { user, password } = self else { return None };
        let pair = Zeroizing::new(format!("{}:{}", user.expose(), password.expose()));
        Some(Token::new(format!("Basic {}", BASE64_STANDARD.encode(pair.as_bytes()))))
    }
}

/// Which credentials an answer was given for. The key lives and dies with the process, so nothing can be guessed from it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Fingerprint([u8; 32]);

/// Makes fingerprints.
pub(crate) struct Fingerprints(hmac::Key);

impl Fingerprints {
    /// With a key of its own; nothing where the machine has no randomness.
    pub(crate) fn new() -> Option<Self> {
        hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()).ok().map(Self)
    }

    /// Of credentials in their order, each with the place that it is for.
    pub(crate) fn of<'a>(&self, list: impl Iterator<Item = (String, &'a Credential)>) -> Fingerprint {
        let mut context = hmac::Context::with_key(&self.0);
        let mut add = |part: &str| {
            context.update(&(part.len() as u64).to_le_bytes());
            context.update(part.as_bytes());
        };
        for (place, credential) in list {
            add(&place);
            match credential {
                Credential::Anonymous => add("anonymous"),
                Credential::Exchange => add("exchange"),
                Credential::Identity(token) => {
                    add("identity");
                    add(token.expose());
                }
                Credential::Password { user, password } => {
                    add("password");
                    add(user.expose());
                    add(password.expose());
                }
            }
        }
        let mut bytes = [0; 32];
        bytes.copy_from_slice(context.sign().as_ref());
        Fingerprint(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(user: &str, password: &str) -> Credential {
        Credential::Password { user: Token::new(user.to_owned()), password: Token::new(password.to_owned()) }
    }

    #[test]
    fn other_credentials_have_another_fingerprint() {
        let prints = Fingerprints::new().expect("randomness");
        let all = [
            vec![],
            vec![Credential::Anonymous],
            vec![Credential::Exchange],
            vec![Credential::Identity(Token::new("a".to_owned()))],
            vec![password("a", "b")],
            vec![password("ab", "")],
            vec![password("", "ab")],
            vec![password("a", "b"), Credential::Anonymous],
        ];
        let of = |list: &[Credential]| prints.of(list.iter().map(|one| ("host".to_owned(), one)));
        for (i, a) in all.iter().enumerate() {
            for (j, b) in all.iter().enumerate() {
                assert_eq!(of(a) == of(b), i == j, "{i} {j}");
            }
        }
        let one = [password("a", "b")];
        assert!(of(&one) != prints.of(one.iter().map(|one| ("other".to_owned(), one))));
        assert!(
            of(&one) != Fingerprints::new().expect("randomness").of(one.iter().map(|one| ("host".to_owned(), one)))
        );
    }

    #[test]
    fn nothing_is_printed() {
        let text =
            format!("{:?} {:?}", password("canary", "canary"), Credential::Identity(Token::new("canary".into())));
        assert!(!text.contains("canary"), "{text}");
        assert_eq!(password("a", "b:c").basic().expect("basic").expose(), "Basic YTpiOmM=");
    }
}
