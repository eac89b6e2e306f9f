//! The settings that the webhook gives the executable, as arguments before `--`: never by a variable, since an `envFrom`
//! could set any.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeMap;
use thiserror::Error;

/// Ends the settings; the original command follows.
pub const END: &str = "--";
/// The word that begins them; other words are other uses of the executable.
pub const RUN: &str = "run";

/// Where the time of a start went is written to stderr, in one line of JSON.
pub const DEBUG: &str = "--log-level=debug";

/// What the webhook decided when the pod was admitted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Arguments {
    /// The container.
    pub container: String,
    /// The auth service, as `https://NAME.NAMESPACE.svc:9443`; without one the container reads everything itself.
    pub service: Option<String>,
    /// DER of the ten-year root that the service's certificates lead to.
    pub root: Vec<u8>,
    /// Digest of each custom plugin, by name, as the administrator's list was at admission.
    pub plugins: BTreeMap<String, String>,
    /// Resources whose objects may be missing.
    pub optional: Vec<String>,
    /// Where the entries of a resource are written, by resource.
    pub files: BTreeMap<String, String>,
    /// The file of the container's token, where it is not mounted at the usual place.
    pub token: Option<String>,
    /// Whether [`DEBUG`] was among them.
    pub debug: bool,
}

/// Arguments that nobody but a stranger wrote.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ArgumentsError {
    /// An argument that has no meaning.
    #[error("{0:?} is no setting of this executable")]
    Unknown(String),
    /// A setting whose value cannot be used.
    #[error("{0}: {1}")]
    Value(&'static str, &'static str),
    /// No `--`.
    #[error("`--` and the command to run are missing")]
    NoCommand,
}

impl Arguments {
    /// As the container's `args` hold them, without [`END`].
    pub fn to_args(&self) -> Vec<String> {
        let mut args = vec![RUN.to_owned(), format!("--container={}", self.container)];
        if let Some(service) = &self.service {
            args.push(format!("--service={service}"));
            args.push(format!("--root={}", STANDARD.encode(&self.root)));
        }
        args.extend(self.plugins.iter().map(|(name, digest)| format!("--plugin={name}={digest}")));
        args.extend(self.optional.iter().map(|name| format!("--optional={name}")));
        args.extend(self.files.iter().map(|(resource, path)| format!("--files={resource}={path}")));
        args.extend(self.token.iter().map(|path| format!("--token={path}")));
        args.extend(self.debug.then(|| DEBUG.to_owned()));
        args
    }

    /// Reads `run`, the settings, [`END`] and the command; `args` begins after the program's own name.
    ///
    /// # Errors
    /// Names the argument.
    pub fn parse(args: &[String]) -> Result<(Self, &[String]), ArgumentsError> {
        let end = args.iter().position(|arg| arg == END).ok_or(ArgumentsError::NoCommand)?;
        let mut parsed = Self::default();
        for arg in args[..end].iter().skip_while(|arg| *arg == RUN) {
            if arg == DEBUG {
                parsed.debug = true;
                continue;
            }
            let unknown = || ArgumentsError::Unknown(arg.chars().take(80).collect());
            let (name, value) = arg.split_once('=').ok_or_else(unknown)?;
            let pair = |what| {
                let (left, right) = value.split_once('=').ok_or(ArgumentsError::Value(what, "it is not NAME=VALUE"))?;
                Ok((left.to_owned(), right.to_owned()))
            };
            match name {
                "--container" => parsed.container = value.to_owned(),
                "--service" => parsed.service = Some(value.to_owned()),
                "--root" => {
                    parsed.root =
                        STANDARD.decode(value).map_err(|_| ArgumentsError::Value("--root", "it is not base64"))?
                }
                "--plugin" => parsed.plugins.extend([pair("--plugin")?]),
                "--optional" => parsed.optional.push(value.to_owned()),
                "--files" => parsed.files.extend([pair("--files")?]),
                "--token" => parsed.token = Some(value.to_owned()),
                _ => return Err(unknown()),
            }
        }
        Ok((parsed, &args[end + 1..]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn settings_are_read_as_they_were_written() {
        let pair = |a: &str, b: &str| BTreeMap::from([(a.to_owned(), b.to_owned())]);
        let arguments = Arguments {
            container: "app".to_owned(),
            service: Some("https://injector.akv2k8s.svc:9443".to_owned()),
            root: vec![1, 2, 250],
            plugins: pair("java-keystore", "ab12"),
            optional: vec!["db".to_owned()],
            files: pair("tls", "/etc/tls=x"),
            token: Some("/token".to_owned()),
            debug: true,
        };
        let mut args = arguments.to_args();
        args.extend(words("-- sh -c --"));
        assert_eq!(Arguments::parse(&args), Ok((arguments, &words("sh -c --")[..])));
    }

    #[test]
    fn what_is_no_setting_is_refused_by_name() {
        assert_eq!(Arguments::parse(&words("run --container=a")), Err(ArgumentsError::NoCommand));
        assert_eq!(Arguments::parse(&words("run --x=1 -- a")), Err(ArgumentsError::Unknown("--x=1".to_owned())));
        assert!(Arguments::parse(&words("run --root=* -- a")).is_err());
        assert!(Arguments::parse(&words("run --plugin=a -- a")).is_err());
    }
}
