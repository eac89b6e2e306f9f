//! The types of an output plugin without the WIT, so that its functions run natively in tests.

/// What is known of an object before it is read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Description {
    /// What the resource calls it.
    pub alias: String,
    /// `secret`, `certificate`, `key` or `multi-key-value-secret`.
    pub kind: String,
    /// Named extras; `content-type` of a multi-key value.
    pub attributes: Vec<(String, String)>,
}

/// Which half of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Certificate: DER. Key: JWK.
    Public,
    /// Secret: its value. Certificate: the backing secret.
    Private,
}

/// An object as read.
#[derive(Clone, Default)]
pub struct Object {
    /// What was known before.
    pub description: Description,
    /// The version that was read.
    pub version: String,
    /// The content type that the vault holds.
    pub content_type: Option<String>,
    /// Its tags.
    pub tags: Vec<(String, String)>,
    /// See [`Part::Public`].
    pub public: Option<Vec<u8>>,
    /// See [`Part::Private`].
    pub private: Option<Vec<u8>>,
}

/// Where the entries go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Target {
    /// `secret`, `config-map`, `files` or `environment`.
    pub kind: String,
    /// The type of a Secret, as the resource wrote it.
    pub secret_type: Option<String>,
    /// What stands after `?` in a reference.
    pub query: Option<String>,
    /// `keys` = `alias`: the resource names several objects, and their aliases are the keys.
    pub attributes: Vec<(String, String)>,
}

impl Target {
    /// Whether aliases are the keys.
    pub fn keys_are_aliases(&self) -> bool {
        self.attributes.iter().any(|(name, value)| name == "keys" && value == "alias")
    }
}

impl Description {
    /// A named extra.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// A key and its bytes.
pub type Entry = (String, Vec<u8>);

/// The glue of an output: `check(config, target, descriptions) -> Result<(), Fault>`, `needs` with the same arguments
/// `-> Result<Vec<(String, Part)>, Fault>`, and `render(config, target, objects) -> Result<Vec<Entry>, Fault>`.
#[macro_export]
macro_rules! output {
    ($check:path, $needs:path, $render:path, schema: $schema:expr) => {
        #[cfg(target_family = "wasm")]
        mod glue {
            $crate::wit_bindgen::generate!({
                path: "../../wit",
                world: "output-plugin",
                runtime_path: "guest::wit_bindgen::rt",
            });
            use $crate::output as pure;
            use exports::akv2k8s::plugin::objects::{Description, Need, Part, VaultObject};
            use exports::akv2k8s::plugin::output::{Entry, Target};
            use exports::akv2k8s::plugin::types::{Diagnostic, Failure};
            use exports::akv2k8s::plugin::{about, output};

            struct Plugin;
            export!(Plugin);
            $crate::about!($schema);
            $crate::failure!();

            impl output::Guest for Plugin {
                fn check(config: String, target: Target, objects: Vec<Description>) -> Result<(), Failure> {
                    let objects: Vec<_> = objects.into_iter().map(described).collect();
                    $check(&config, &targeted(target), &objects).map_err(failure)
                }
                fn needs(config: String, target: Target, objects: Vec<Description>) -> Result<Vec<Need>, Failure> {
                    let objects: Vec<_> = objects.into_iter().map(described).collect();
                    let need = |(alias, part)| Need {
                        alias,
                        part: match part {
                            pure::Part::Public => Part::Public,
                            pure::Part::Private => Part::Private,
                        },
                    };
                    let needs = $needs(&config, &targeted(target), &objects).map_err(failure)?;
                    Ok(needs.into_iter().map(need).collect())
                }
                fn render(config: String, target: Target, objects: Vec<VaultObject>) -> Result<Vec<Entry>, Failure> {
                    let objects: Vec<_> = objects.into_iter().map(read).collect();
                    let entries = $render(&config, &targeted(target), &objects).map_err(failure)?;
                    Ok(entries.into_iter().map(|(key, value)| Entry { key, value, attributes: Vec::new() }).collect())
                }
            }

            fn described(d: Description) -> pure::Description {
                pure::Description { alias: d.alias, kind: d.kind, attributes: d.attributes }
            }
            fn targeted(t: Target) -> pure::Target {
                pure::Target { kind: t.kind, secret_type: t.secret_type, query: t.query, attributes: t.attributes }
            }
            fn read(o: VaultObject) -> pure::Object {
                pure::Object {
                    description: described(o.description),
                    version: o.version,
                    content_type: o.content_type,
                    tags: o.tags,
                    public: o.public,
                    private: o.private,
                }
            }
        }
    };
}
