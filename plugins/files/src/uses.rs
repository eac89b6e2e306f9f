//! Which private parts a template reads, found out before anything is read from the vault.

use guest::output::Description;
use minijinja::Environment;
use std::collections::HashSet;

/// Fields of a certificate that need its backing secret.
const PRIVATE: [&str; 2] = ["privateKey", "chain"];

/// Whether some template reads a private field of the certificate under `alias`. A template that takes a whole object, or
/// all of them, may read anything.
pub fn private_part(environment: &Environment, object: &Description) -> bool {
    let used: HashSet<String> = environment.templates().flat_map(|(_, t)| t.undeclared_variables(true)).collect();
    let whole = |name: &str| used.contains(name);
    let object = format!("objects.{}", object.alias);
    // An alias with a dash or a dot can only be reached by a subscript, which the analysis shows as `objects`.
    whole("objects") || whole(&object) || PRIVATE.iter().any(|field| whole(&format!("{object}.{field}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(template: &str, expected: bool) {
        let mut environment = crate::filters::environment();
        environment.add_template("t", template).expect("the template is good");
        let object = Description { alias: "tls".into(), kind: "certificate".into(), ..Description::default() };
        assert_eq!(private_part(&environment, &object), expected, "{template}");
    }

    #[test]
    fn the_backing_secret_is_read_only_where_a_template_wants_it() {
        check("{{ objects.tls.value }}", false);
        check("{{ objects.tls.certificate }}{{ objects.tls.version }}", false);
        check("{{ objects.tls.privateKey }}", true);
        check("{% if x %}{{ objects.tls.chain|b64encode }}{% endif %}", true);
        check("{% for name in objects %}{{ objects[name].value }}{% endfor %}", true);
        check("{% set o = objects.tls %}{{ o.privateKey }}", true);
        check("{{ objects.other.privateKey }}", false);
    }
}
