//! A vault object's value on its way from the service to a pod.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

/// Bytes that stand in an answer as base64 and are wiped when dropped. Unlike other secrets these may be serialised:
/// giving them to the pod is what the answer is for.
#[derive(Clone, PartialEq, Eq)]
pub struct WireValue(Zeroizing<Vec<u8>>);

impl WireValue {
    /// Takes the bytes.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes themselves.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for WireValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WireValue(withheld)")
    }
}

impl Serialize for WireValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(STANDARD.encode(self.expose())))
    }
}

impl<'de> Deserialize<'de> for WireValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        // The error of the decoder names a byte of the value.
        STANDARD.decode(text.as_bytes()).map(Self::new).map_err(|_| D::Error::custom("a value is not base64"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_survives_the_wire_and_is_never_printed() {
        let value = WireValue::new(vec![0, 255, b'c']);
        let text = serde_json::to_string(&value).expect("a string");
        assert_eq!(serde_json::from_str::<WireValue>(&text).expect("the same"), value);
        assert_eq!(format!("{value:?}"), "WireValue(withheld)");
        let error = serde_json::from_str::<WireValue>("\"canary*\"").expect_err("no base64").to_string();
        assert!(!error.contains("canary"), "{error}");
    }
}
