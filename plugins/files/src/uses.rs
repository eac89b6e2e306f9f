//! Which private parts a template reads, found out before anything is read from the vault: exact where it names objects
//! and fields, and everything where it takes `objects` itself.

use crate::tree::{self, OBJECTS, path};
use minijinja::machinery::ast::{Expr, Stmt};
use std::collections::BTreeSet;

/// Fields of a certificate that need its backing secret.
const PRIVATE: [&str; 2] = ["privateKey", "chain"];

/// What templates read.
#[derive(Debug, Default)]
pub struct Uses {
    everything: bool,
    private: BTreeSet<String>,
}

impl Uses {
    /// Adds what this template reads.
    pub fn add(&mut self, stmt: &Stmt<'_>) {
        let parts = tree::statement(stmt);
        parts.reads.into_iter().for_each(|expr| self.expression(expr));
        parts.bodies.into_iter().flatten().for_each(|stmt| self.add(stmt));
    }

    /// Whether a private field of the object under this alias may be read.
    pub fn private_part(&self, alias: &str) -> bool {
        self.everything || self.private.contains(alias)
    }

    fn expression(&mut self, expr: &Expr<'_>) {
        match (path(expr).as_deref(), expr) {
            (Some([]), _) => self.everything = true,
            // The object as a whole: whoever takes it may read any field.
            (Some([alias]), _) => self.keep(alias),
            (Some([alias, field, ..]), _) if PRIVATE.contains(field) => self.keep(alias),
            (Some(_), _) => {}
            // It prints every variable.
            (None, Expr::Var(var)) if var.id == "debug" => self.everything = true,
            // Whether an object is there says nothing of what is in it.
            (None, Expr::Test(test)) if is_presence(test.name) && path(&test.expr).is_some_and(|p| p.len() < 2) => {}
            (None, _) => tree::parts(expr).into_iter().for_each(|part| self.expression(part)),
        }
    }

    fn keep(&mut self, alias: &str) {
        self.private.insert(alias.to_owned());
    }
}

/// Tests that ask whether something is there.
pub fn is_presence(test: &str) -> bool {
    matches!(test, "defined" | "undefined")
}

/// Names that the template gives values to, wherever it does.
pub fn assigned<'t>(stmt: &'t Stmt<'_>, names: &mut BTreeSet<&'t str>) {
    let parts = tree::statement(stmt);
    for target in parts.assigns {
        let mut see = vec![target];
        while let Some(expr) = see.pop() {
            if let Expr::Var(var) = expr {
                names.insert(var.id);
            }
            see.extend(tree::parts(expr));
        }
    }
    parts.bodies.into_iter().flatten().for_each(|stmt| assigned(stmt, names));
}

/// Whether the expression reads an object, or all of them.
pub fn reads_objects(expr: &Expr<'_>) -> bool {
    tree::any(expr, &|e| matches!(e, Expr::Var(var) if var.id == OBJECTS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(template: &str, expected: bool) {
        let tree = crate::plugin::parse(&crate::filters::environment(), "t", template).expect("the template is good");
        let mut uses = Uses::default();
        uses.add(&tree);
        assert_eq!(uses.private_part("tls"), expected, "{template}");
    }

    #[test]
    fn the_backing_secret_is_read_only_where_a_template_wants_it() {
        check("{{ objects.tls.value }}", false);
        check("{{ objects.tls.certificate }}{{ objects.tls.version }}", false);
        check("{{ objects['tls'].value }}{{ objects['tls']['certificate']|quote }}", false);
        check("{% if objects.tls is defined %}{{ objects.tls.value }}{% endif %}", false);
        check("{% if objects is defined %}x{% endif %}", false);
        check("{% for k in objects.tls.tags %}{{ objects.tls.tags[k] }}{% endfor %}", false);
        check("{{ objects.other.privateKey }}", false);
        check("{{ objects.tls.privateKey }}", true);
        check("{{ objects['tls']['privateKey'] }}", true);
        check("{% if objects.tls.privateKey is defined %}x{% endif %}", true);
        check("{{ objects.tls.chain[:5] }}", true);
        check("{% if x %}{{ objects.tls.chain|b64encode }}{% endif %}", true);
    }

    #[test]
    fn a_template_that_passes_objects_on_may_read_anything() {
        check("{% for name in objects %}{{ objects[name].value }}{% endfor %}", true);
        check("{% for name, o in objects|items %}{{ o.privateKey }}{% endfor %}", true);
        check("{% set o = objects.tls %}{{ o.privateKey }}", true);
        check("{% set o = objects %}{{ o.tls.privateKey }}", true);
        check("{% set objects = objects %}{{ objects.tls.value }}", true);
        check("{% with o = [objects] %}{{ o[0].tls.value }}{% endwith %}", true);
        check("{{ objects[objects.db.value].value }}", true);
        check("{{ objects.tls[objects.db.value] }}", true);
        check("{{ (objects|attr('tls')).chain }}", true);
        check("{{ objects|length }}", true);
        check("{{ debug() }}", true);
        check("{% set n = namespace(o=objects) %}{{ n.o.tls.chain }}", true);
        check("{% set o = objects.other %}{{ o.privateKey }}", false);
    }
}
