//! Config against the JSON Schema that a plugin brings.

use akv_core::recipe::Config;
use serde_json::Value;

/// The check of one plugin's config.
pub(crate) struct Schema(Option<Rules>);

/// What a schema asks for.
#[cfg(feature = "schema")]
struct Rules(jsonschema::Validator);

#[cfg(feature = "schema")]
impl Rules {
    fn new(schema: &Value) -> Result<Self, String> {
        jsonschema::validator_for(schema).map(Self).map_err(|e| e.to_string())
    }

    fn fault(&self, config: &Config) -> Option<(String, String)> {
        let config = Value::Object(config.clone());
        let error = self.0.iter_errors(&config).next()?;
        Some((error.instance_path().to_string(), error.to_string()))
    }
}

/// Without the feature whoever gave the config has asked; the plugin's own check follows in any case.
#[cfg(not(feature = "schema"))]
struct Rules;

#[cfg(not(feature = "schema"))]
impl Rules {
    fn new(_schema: &Value) -> Result<Self, String> {
        Ok(Self)
    }

    fn fault(&self, _config: &Config) -> Option<(String, String)> {
        None
    }
}

/// Bytes of a schema.
const SIZE_LIMIT: usize = 64 << 10;

/// The first keyword that refers to another place.
fn reference(schema: &Value) -> Option<&str> {
    match schema {
        Value::Object(map) => {
            let own = map.keys().map(String::as_str).find(|k| matches!(*k, "$ref" | "$dynamicRef" | "$recursiveRef"));
            own.or_else(|| map.values().find_map(reference))
        }
        Value::Array(items) => items.iter().find_map(reference),
        _ => None,
    }
}

impl Schema {
    /// Without a schema the config must be empty.
    ///
    /// The host evaluates the schema itself, without fuel: so it is small, and has no references, which would let thirty
    /// lines stand for a billion.
    pub(crate) fn new(schema: Option<&Value>) -> Result<Self, String> {
        if schema.is_some_and(|s| s.to_string().len() > SIZE_LIMIT) {
            return Err(format!("it is larger than {SIZE_LIMIT} bytes"));
        }
        if let Some(keyword) = schema.and_then(reference) {
            return Err(format!("it uses {keyword}; write the schema out in place"));
        }
        schema.map(Rules::new).transpose().map(Self)
    }

    /// The first fault: its JSON pointer and a sentence.
    pub(crate) fn check(&self, config: &Config) -> Result<(), (String, String)> {
        let Some(rules) = &self.0 else {
            let unknown = config.keys().next();
            return unknown.map_or(Ok(()), |key| Err((format!("/{key}"), "this plugin takes no config".to_owned())));
        };
        rules.fault(config).map_or(Ok(()), Err)
    }
}

#[cfg(all(test, feature = "schema"))]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_schema_that_could_keep_the_host_busy_is_refused() {
        let mut chain = json!({"$defs": {"d28": true}, "$ref": "#/$defs/d0"});
        for n in 0..28 {
            let next = json!({"$ref": format!("#/$defs/d{}", n + 1)});
            chain["$defs"][format!("d{n}")] = json!({"allOf": [next, next]});
        }
        assert!(Schema::new(Some(&chain)).err().is_some_and(|why| why.contains("$ref")));
        let large = json!({"description": "x".repeat(SIZE_LIMIT)});
        assert!(Schema::new(Some(&large)).is_err());
        let good = Schema::new(Some(&json!({"type": "object", "required": ["a"]}))).expect("a schema");
        assert!(good.check(&Config::new()).is_err());
    }
}
