//! Is the definition on a server older than this program?

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray,
};

/// The fields of `ours` that `server` does not know, as `v2beta1: spec.vault.objects`; a field whose parent is unknown is
/// not listed again. An API server prunes such fields without a word, so a program that needs them must not start.
pub fn missing_fields(
    ours: &CustomResourceDefinition,
    server: &CustomResourceDefinition,
) -> Vec<String> {
    let schema = |crd: &CustomResourceDefinition, name: &str| {
        let version = crd
            .spec
            .versions
            .iter()
            .find(|version| version.name == name && version.served)?;
        version.schema.as_ref()?.open_api_v3_schema.clone()
    };
    let mut missing = Vec::new();
    for version in &ours.spec.versions {
        let Some(wanted) = schema(ours, &version.name) else {
            continue;
        };
        match schema(server, &version.name) {
            Some(known) => compare(
                &wanted,
                &known,
                &format!("{}: ", version.name),
                &mut missing,
            ),
            None => missing.push(format!("{}: the whole version", version.name)),
        }
    }
    missing
}

fn compare(
    wanted: &JSONSchemaProps,
    known: &JSONSchemaProps,
    path: &str,
    missing: &mut Vec<String>,
) {
    let separator = if path.ends_with(' ') { "" } else { "." };
    for (name, child) in wanted.properties.iter().flatten() {
        let path = format!("{path}{separator}{name}");
        match known
            .properties
            .as_ref()
            .and_then(|properties| properties.get(name))
        {
            Some(known) => compare(child, known, &path, missing),
            None if known.x_kubernetes_preserve_unknown_fields == Some(true) => {}
            None => missing.push(path),
        }
    }
    if let (
        Some(JSONSchemaPropsOrArray::Schema(wanted)),
        Some(JSONSchemaPropsOrArray::Schema(known)),
    ) = (&wanted.items, &known.items)
    {
        compare(wanted, known, &format!("{path}[]"), missing);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crd::all;

    fn without(path: &str) -> CustomResourceDefinition {
        let mut crd = all().remove(0);
        let (parent, field) = path.rsplit_once('.').expect("a path with a dot");
        for version in crd
            .spec
            .versions
            .iter_mut()
            .filter(|version| version.name == "v2beta1")
        {
            let root = version
                .schema
                .as_mut()
                .and_then(|schema| schema.open_api_v3_schema.as_mut());
            let node = crate::crd::schema::node(root.expect("it has a schema"), parent);
            node.properties
                .as_mut()
                .expect("it has fields")
                .remove(field);
        }
        crd
    }

    #[test]
    fn a_definition_lacks_nothing_of_itself() {
        for crd in all() {
            assert_eq!(missing_fields(&crd, &crd), Vec::<String>::new());
        }
    }

    #[test]
    fn what_an_older_server_would_prune_is_named() {
        let check = |removed: &str| {
            assert_eq!(
                missing_fields(&all()[0], &without(removed)),
                [format!("v2beta1: {removed}")]
            );
        };
        check("spec.vault.objects");
        check("spec.output.pipeline[].only");
        check("status.conditions");
    }

    #[test]
    fn a_version_that_is_not_served_is_named() {
        let mut server = all().remove(0);
        server.spec.versions.retain(|version| version.name != "v1");
        assert_eq!(
            missing_fields(&all()[0], &server),
            ["v1: the whole version"]
        );
    }
}
