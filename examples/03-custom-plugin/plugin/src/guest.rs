//! The glue to the WIT: types in and out, nothing else.

use crate::config::{self, Described, Password, SCHEMA};
use crate::fault::{Blame, Fault};
use crate::render::{self, Object};
use zeroize::Zeroizing;

wit_bindgen::generate!({ path: "../../../wit", world: "output-plugin" });

use exports::akv2k8s::plugin::about::{self, Info};
use exports::akv2k8s::plugin::objects::{Description, Need, Part, VaultObject};
use exports::akv2k8s::plugin::output::{self, Entry, Target};
use exports::akv2k8s::plugin::types::{Diagnostic, Failure};

struct JavaKeystore;
export!(JavaKeystore);

impl about::Guest for JavaKeystore {
    fn describe() -> Info {
        Info {
            name: "java-keystore".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            config_schema: Some(SCHEMA.into()),
        }
    }
}

impl output::Guest for JavaKeystore {
    fn check(config: String, target: Target, objects: Vec<Description>) -> Result<(), Failure> {
        config::plan(&config, &target.kind, &described(&objects)).map(|_| ()).map_err(failure)
    }

    fn needs(config: String, target: Target, objects: Vec<Description>) -> Result<Vec<Need>, Failure> {
        let plan = config::plan(&config, &target.kind, &described(&objects)).map_err(failure)?;
        let both = [Part::Public, Part::Private].map(|part| Need { alias: plan.certificate.clone(), part });
        let password = match plan.password {
            Password::Object(alias) => Some(Need { alias, part: Part::Private }),
            Password::Literal(_) => None,
        };
        Ok(both.into_iter().chain(password).collect())
    }

    fn render(config: String, target: Target, objects: Vec<VaultObject>) -> Result<Vec<Entry>, Failure> {
        let objects: Vec<Object> = objects
            .into_iter()
            .map(|o| Object {
                described: Described { alias: o.description.alias, kind: o.description.kind },
                content_type: o.content_type,
                public: o.public,
                private: o.private.map(Zeroizing::new),
            })
            .collect();
        let (key, value) = render::render(&config, &target.kind, &objects).map_err(failure)?;
        Ok(vec![Entry { key, value, attributes: Vec::new() }])
    }
}

fn described(objects: &[Description]) -> Vec<Described> {
    objects.iter().map(|o| Described { alias: o.alias.clone(), kind: o.kind.clone() }).collect()
}

fn failure(fault: Fault) -> Failure {
    let diagnostic = Diagnostic { code: fault.code.into(), at: fault.at, message: fault.message };
    match fault.blame {
        Blame::Config => Failure::BadConfig(diagnostic),
        Blame::Input => Failure::BadInput(diagnostic),
    }
}
