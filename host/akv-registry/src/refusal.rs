//! Why there is no command, as the person who wrote the pod reads it.

use std::fmt;
use std::time::Duration;

use crate::fault::Fault;
use crate::image::{Image, ImageError};
use crate::reason::Reason;

/// No command, and why. `Display` is one sentence: which image, why, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    reason: Reason,
    message: String,
    retry_after: Option<Duration>,
}

impl Refusal {
    pub(crate) fn new(image: &Image, fault: &Fault) -> Self {
        Self {
            reason: fault.reason(),
            message: sentence(&image.to_string(), fault, fault.advice()),
            retry_after: fault.retry_after(),
        }
    }

    /// For a text that is no image name.
    pub fn of_name(text: &str, error: ImageError) -> Self {
        let mut shown: String = text.chars().take(100).flat_map(char::escape_debug).collect();
        if text.chars().nth(100).is_some() {
            shown.push('…');
        }
        Self { reason: Reason::InvalidImage, message: sentence(&shown, &error, "correct the name"), retry_after: None }
    }

    /// The kind.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// How long the registry wants to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}

fn sentence(image: &str, fault: &dyn fmt::Display, advice: &str) -> String {
    format!(
        "the command of the image {image} cannot be looked up: {fault}; {advice}, or state the command in the container's \
         `command` or as a JSON list in the pod's annotation `spv.no/command.<container>`"
    )
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_which_why_and_what_to_do() {
        let image = Image::parse("nginx").expect("an image");
        let refusal = Refusal::new(&image, &Fault::NotListed(image.host().clone()));
        for part in ["docker.io/library/nginx:latest", "not among those", "`spv.no/command.<container>`"] {
            assert!(refusal.to_string().contains(part), "{refusal}");
        }
    }

    #[test]
    fn a_name_that_is_none_is_shown_without_its_tricks() {
        let text = format!("a\n{}", "b".repeat(500));
        let refusal = Refusal::of_name(&text, ImageError::Repository).to_string();
        assert!(refusal.contains("a\\nbbb") && !refusal.contains('\n') && refusal.len() < 600, "{refusal}");
    }
}
