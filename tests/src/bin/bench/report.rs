//! Numbers beside their goals.

use serde_json::{Value, json};

/// What was measured.
pub struct Report(Vec<Value>);

impl Report {
    /// Nothing yet.
    pub fn new() -> Self {
        Self(Vec::new())
    }

    /// Prints a number, and keeps it.
    pub fn add(&mut self, name: &str, value: f64, unit: &str, goal: Option<f64>) {
        let against = goal
            .map_or(String::new(), |g| format!("  goal {g} {unit}: {}", if value <= g { "held" } else { "MISSED" }));
        println!("{name:<64} {value:>10.2} {unit}{against}");
        self.0.push(json!({"name": name, "value": value, "unit": unit, "goal": goal}));
    }

    /// How many goals were missed.
    pub fn missed(&self) -> usize {
        self.0.iter().filter(|r| r["goal"].as_f64().is_some_and(|g| r["value"].as_f64() > Some(g))).count()
    }

    /// The records, as `{name, value, unit, goal}`.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(&self.0).unwrap_or_default()
    }
}

/// The middle one.
pub fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples.get(samples.len() / 2).copied().unwrap_or_default()
}
