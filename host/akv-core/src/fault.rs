//! What is wrong with a resource, said once for the API server's users, `lint` and the controller.

/// A mistake that stops a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where, as `spec.output.secret.dataKey`; list items by index, as `spec.vault.objects[1].as`.
    pub path: String,
    /// A word of `akv_api::reason`.
    pub reason: &'static str,
    /// One sentence: what is wrong and what to do.
    pub message: String,
}

/// Something that is accepted for compatibility and does nothing, or not what its author may think.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Where.
    pub path: String,
    /// One sentence.
    pub message: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}
