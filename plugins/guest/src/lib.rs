//! What the default plugins share of the border to the host: failures as values, and the glue as two macros.

pub mod output;

/// Whose fault a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The config is wrong.
    Config,
    /// The vault object is not what the plugin needs.
    Input,
}

/// Why there is no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Whose fault.
    pub blame: Blame,
    /// A kebab-case word.
    pub code: &'static str,
    /// Where: a JSON pointer into the config, an alias, or a path with line.
    pub at: Option<String>,
    /// One sentence. The host shows it only where no value is in reach.
    pub message: String,
}

impl Fault {
    /// The config is wrong at this JSON pointer.
    pub fn config(code: &'static str, at: impl Into<String>, message: impl Into<String>) -> Self {
        Self { blame: Blame::Config, code, at: Some(at.into()), message: message.into() }
    }

    /// The object under this alias, or the value, is not what is needed.
    pub fn input(code: &'static str, at: Option<&str>, message: impl Into<String>) -> Self {
        Self { blame: Blame::Input, code, at: at.map(str::to_owned), message: message.into() }
    }
}

#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub use wit_bindgen;

/// The glue of a transform: `check(config) -> Result<(), Fault>` and `apply(config, input) -> Result<Vec<u8>, Fault>`.
#[macro_export]
macro_rules! transform {
    ($check:path, $apply:path, schema: $schema:expr) => {
        #[cfg(target_family = "wasm")]
        mod glue {
            $crate::wit_bindgen::generate!({
                path: "../../wit",
                world: "transform-plugin",
                runtime_path: "guest::wit_bindgen::rt",
            });
            use exports::akv2k8s::plugin::types::{Diagnostic, Failure};
            use exports::akv2k8s::plugin::{about, transform};

            struct Plugin;
            export!(Plugin);
            $crate::about!($schema);
            $crate::failure!();

            impl transform::Guest for Plugin {
                fn check(config: String) -> Result<(), Failure> {
                    $check(&config).map_err(failure)
                }
                fn apply(config: String, input: Vec<u8>) -> Result<Vec<u8>, Failure> {
                    $apply(&config, &input).map_err(failure)
                }
            }
        }
    };
}

/// What a plugin says of itself.
#[macro_export]
#[doc(hidden)]
macro_rules! about {
    ($schema:expr) => {
        impl about::Guest for Plugin {
            fn describe() -> about::Info {
                let schema: Option<&str> = $schema;
                about::Info {
                    name: env!("CARGO_PKG_NAME").into(),
                    version: env!("CARGO_PKG_VERSION").into(),
                    config_schema: schema.map(Into::into),
                }
            }
        }
    };
}

/// From a [`Fault`] to the WIT.
#[macro_export]
#[doc(hidden)]
macro_rules! failure {
    () => {
        fn failure(fault: $crate::Fault) -> Failure {
            let diagnostic = Diagnostic { code: fault.code.into(), at: fault.at, message: fault.message };
            match fault.blame {
                $crate::Blame::Config => Failure::BadConfig(diagnostic),
                $crate::Blame::Input => Failure::BadInput(diagnostic),
            }
        }
    };
}
