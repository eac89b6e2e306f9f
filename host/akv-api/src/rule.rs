//! The rules that a resource must keep, each said once.
//!
//! A rule is a CEL expression, which the generated CRD carries and the API server evaluates, and a sentence, which the
//! API server shows and which `akv_core`'s parser (behind `lint` and the controller) says word for word. Here too stand
//! the bounds that a schema needs so that the API server can estimate what a rule costs.
//!
//! A rule refuses only what could never have worked, or what uses a field wrongly that the original does not have. What
//! the original accepted and ignored is a warning of the parser.

pub mod plugin;
pub mod secret;

/// How the API server words a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The value is wrong; the API server repeats a short one.
    Invalid,
    /// Something is missing.
    Required,
    /// Something must not be there.
    Forbidden,
}

/// One rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Its name in tests and tables, kebab-case.
    pub id: &'static str,
    /// The schema nodes that carry it: `spec.vault.objects[].as`; `[]` stands for the items of a list, `{}` for the
    /// values of a map.
    pub at: &'static [&'static str],
    /// The field below the node that the API server names, as `.output.secret.dataKey`; empty for the node itself.
    pub field: &'static str,
    /// How it is worded.
    pub verdict: Verdict,
    /// True when the rule is kept; `self` is the node.
    pub cel: &'static str,
    /// What is wrong and what to do.
    pub sentence: &'static str,
}

/// Declares rules as constants, and the list of them all.
macro_rules! rules {
    ($( $(#[$doc:meta])* $name:ident = $verdict:ident $id:literal at $at:expr, $field:expr, $cel:expr, $sentence:expr; )*) => {
        $(
            $(#[$doc])*
            pub const $name: $crate::rule::Rule = $crate::rule::Rule {
                id: $id,
                at: &$at,
                field: $field,
                verdict: $crate::rule::Verdict::$verdict,
                cel: $cel,
                sentence: $sentence,
            };
        )*
        /// Every rule of this resource.
        pub const ALL: &[$crate::rule::Rule] = &[$($name),*];
    };
}
pub(crate) use rules;

/// CEL: a key of a Secret or ConfigMap, or an alias.
macro_rules! cel_key {
    () => {
        "size(self) <= 253 && self.matches('^[-._a-zA-Z0-9]+$') && !self.startsWith('..') && self != '.'"
    };
}
pub(crate) use cel_key;

/// CEL: a DNS-1123 subdomain.
macro_rules! cel_dns {
    () => {
        "size(self) <= 253 && self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')"
    };
}
pub(crate) use cel_dns;

/// CEL: the name of a plugin.
macro_rules! cel_plugin_name {
    ($subject:literal) => {
        concat!("size(", $subject, ") <= 63 && ", $subject, ".matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')")
    };
}
pub(crate) use cel_plugin_name;

/// What a plugin name is; the rules of both resources say it.
macro_rules! plugin_name_sentence {
    () => {
        "a plugin name is 1 to 63 lower-case letters, digits and hyphens, beginning and ending with a letter or digit"
    };
}
pub(crate) use plugin_name_sentence;

/// The bounds of lists and texts, in items and characters. They are wide: a list at its bound is not a sensible resource.
pub mod bound {
    /// Objects of one resource.
    pub const OBJECTS: usize = 64;
    /// Steps of a pipeline.
    pub const PIPELINE: usize = 16;
    /// Templated files of one resource.
    pub const FILES: usize = 64;
    /// Characters of a template.
    pub const TEMPLATE: usize = 131_072;
    /// Labels, or annotations, that a resource adds to a target.
    pub const METADATA: usize = 64;
    /// Characters of an added annotation's value.
    pub const ANNOTATION: usize = 16_384;
    /// Characters of a name; every name's own rule is tighter.
    pub const NAME: usize = 253;
    /// Characters of the path of a plugin's file.
    pub const PATH: usize = 1_024;
    /// Entries of a label selector, and values of one entry.
    pub const SELECTOR: usize = 64;
}
