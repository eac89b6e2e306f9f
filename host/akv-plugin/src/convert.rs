//! Between the border types of `akv-core` and the WIT's.

use crate::binding::{output, transform};
use akv_core::{Blame, Description, Part, SecretValue, Target, VaultObject};
use output::exports::akv2k8s::plugin::objects as wire;
use output::exports::akv2k8s::plugin::output as out;
use zeroize::{Zeroize, ZeroizeOnDrop};

pub(crate) use output::exports::akv2k8s::plugin::types::Failure as OutputFailure;
pub(crate) use transform::exports::akv2k8s::plugin::types::Failure as TransformFailure;

/// A diagnostic of either world. Its text may be a value, so it is wiped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct Diagnostic {
    pub(crate) code: String,
    pub(crate) at: Option<String>,
    pub(crate) message: String,
}

macro_rules! blame {
    ($name:ident, $failure:ident) => {
        pub(crate) fn $name(failure: $failure) -> (Blame, Diagnostic) {
            let (blame, d) = match failure {
                $failure::BadConfig(d) => (Blame::Config, d),
                $failure::BadInput(d) => (Blame::Input, d),
                $failure::Internal(d) => (Blame::Plugin, d),
            };
            (blame, Diagnostic { code: d.code, at: d.at, message: d.message })
        }
    };
}
blame!(transform_failure, TransformFailure);
blame!(output_failure, OutputFailure);

pub(crate) fn target(target: &Target, attributes: &[(String, String)]) -> out::Target {
    let (secret_type, query) = match target {
        Target::Secret { secret_type, .. } => (secret_type.clone(), None),
        Target::ConfigMap { .. } => (None, None),
        Target::Environment { query } => (None, query.clone()),
    };
    out::Target { kind: target.kind().to_owned(), secret_type, query, attributes: attributes.to_vec() }
}

fn description(from: &Description) -> wire::Description {
    wire::Description {
        alias: from.alias.as_str().to_owned(),
        name: from.object.name.as_str().to_owned(),
        kind: from.object.kind.as_str().to_owned(),
        attributes: from.attributes.clone(),
    }
}

pub(crate) fn descriptions(from: &[Description]) -> Vec<wire::Description> {
    from.iter().map(description).collect()
}

pub(crate) fn objects(from: &[VaultObject]) -> Vec<wire::VaultObject> {
    let object = |o: &VaultObject| wire::VaultObject {
        description: description(&o.description),
        version: o.version.clone(),
        content_type: o.content_type.clone(),
        tags: o.tags.clone(),
        public: o.public.clone(),
        private: o.private.as_ref().map(SecretValue::expose).map(<[u8]>::to_vec),
        attributes: Vec::new(),
    };
    from.iter().map(object).collect()
}

/// Overwrites the private parts that were copied for a call.
pub(crate) fn wipe(objects: &mut [wire::VaultObject]) {
    for object in objects {
        if let Some(private) = &mut object.private {
            private.zeroize();
        }
    }
}

/// The key and the value of an entry; what else a plugin says beside them may be a value and is wiped.
pub(crate) fn entry(mut from: out::Entry) -> (String, Vec<u8>) {
    for (name, text) in &mut from.attributes {
        name.zeroize();
        text.zeroize();
    }
    (from.key, from.value)
}

pub(crate) fn part(part: wire::Part) -> Part {
    match part {
        wire::Part::Public => Part::Public,
        wire::Part::Private => Part::Private,
    }
}
