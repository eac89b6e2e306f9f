//! The settings of a Secret.

use entry::KeyFormat;
use guest::Fault;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wire {
    data_key: Option<String>,
    chain_order: Option<String>,
    key_format: Option<String>,
}

/// The config, parsed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// The key of a single value.
    pub data_key: Option<String>,
    /// Whether the key's own certificate comes first.
    pub server_first: bool,
    /// How a key object is written.
    pub key_format: Option<KeyFormat>,
}

impl Config {
    /// Reads JSON text.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let wire: Wire = serde_json::from_str(text)
            .map_err(|e| Fault::config("bad-config", "", format!("the config is not readable: {e}")))?;
        let key_format = wire
            .key_format
            .map(|word| {
                KeyFormat::parse(&word)
                    .ok_or_else(|| Fault::config("bad-key-format", "/keyFormat", "keyFormat is pem, jwk or raw-n"))
            })
            .transpose()?;
        Ok(Self {
            data_key: wire.data_key.filter(|k| !k.is_empty()),
            server_first: wire.chain_order.is_some_and(|o| o == "ensureserverfirst"),
            key_format,
        })
    }
}
