//! Config against the JSON Schema that a plugin brings.

use akv_core::recipe::Config;
use jsonschema::Validator;
use serde_json::Value;

/// The check of one plugin's config.
pub(crate) struct Schema(Option<Validator>);

impl Schema {
    /// Without a schema the config must be empty.
    pub(crate) fn new(schema: Option<&Value>) -> Result<Self, String> {
        schema.map(|s| jsonschema::validator_for(s).map_err(|e| e.to_string())).transpose().map(Self)
    }

    /// The first fault: its JSON pointer and a sentence.
    pub(crate) fn check(&self, config: &Config) -> Result<(), (String, String)> {
        let Some(validator) = &self.0 else {
            let unknown = config.keys().next();
            return unknown.map_or(Ok(()), |key| Err((format!("/{key}"), "this plugin takes no config".to_owned())));
        };
        match validator.iter_errors(&Value::Object(config.clone())).next() {
            None => Ok(()),
            Some(error) => Err((error.instance_path().to_string(), error.to_string())),
        }
    }
}
