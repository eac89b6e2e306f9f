//! What one call of a plugin may use: `spec.limits` of an `AzureKeyVaultPlugin` as numbers.

use crate::Fault;
use akv_api::plugin::LimitsSpec;
use akv_api::reason;
use akv_api::rule::plugin::QUANTITY;

/// What one call may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of linear memory, all memories together.
    pub memory: u64,
    /// Units of wasmtime's fuel, about one for each instruction.
    pub fuel: u64,
    /// Bytes of output, keys included.
    pub output: u64,
}

/// For a plugin that says nothing: enough for a value of 1 MiB in every guest language that was measured.
pub const DEFAULT: Limits = Limits { memory: 32 << 20, fuel: 1_000_000_000, output: 1 << 20 };

/// What an administrator who says nothing else lets a resource ask for. A Secret holds 1 MiB; ten times the default fuel
/// is still ended by the wall guard.
pub const MAXIMUM: Limits = Limits { memory: 128 << 20, fuel: 10_000_000_000, output: 1 << 20 };

/// The limits that a resource asks for, [`DEFAULT`] where it is silent.
///
/// # Errors
/// The first limit that is no number or exceeds [`MAXIMUM`].
pub fn parse(spec: Option<&LimitsSpec>) -> Result<Limits, Fault> {
    parse_within(spec, &MAXIMUM).map_err(|mut faults| faults.swap_remove(0))
}

/// The same within an administrator's own maximum, which bounds the defaults too.
///
/// # Errors
/// Every limit that is no number or exceeds `maximum`.
pub fn parse_within(spec: Option<&LimitsSpec>, maximum: &Limits) -> Result<Limits, Vec<Fault>> {
    let mut faults = Vec::new();
    let mut one = |name: &str, written: Option<&String>, default: u64, maximum: u64| {
        let Some(text) = written else {
            return default.min(maximum);
        };
        let message = match quantity(text) {
            Some(amount) if amount <= maximum => return amount,
            Some(amount) => {
                format!("{text} is {amount}, more than the administrator's maximum of {maximum}: ask for less")
            }
            None => QUANTITY.sentence.to_owned(),
        };
        faults.push(Fault { path: format!("spec.limits.{name}"), reason: reason::INVALID_SPEC, message });
        default
    };
    let get = |field: fn(&LimitsSpec) -> Option<&String>| spec.and_then(field);
    let limits = Limits {
        memory: one("memory", get(|s| s.memory.as_ref()), DEFAULT.memory, maximum.memory),
        fuel: one("fuel", get(|s| s.fuel.as_ref()), DEFAULT.fuel, maximum.fuel),
        output: one("output", get(|s| s.output.as_ref()), DEFAULT.output, maximum.output),
    };
    if faults.is_empty() { Ok(limits) } else { Err(faults) }
}

/// A whole number with a decimal or binary unit: `2000M`, `64Mi`. `None` if `text` is none, or is 0.
pub fn quantity(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    if digits.starts_with('0') || digits.len() > 9 {
        return None;
    }
    let factor: u64 = match unit {
        "" => 1,
        "k" => 1_000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        "T" => 1_000_000_000_000,
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        "Ti" => 1 << 40,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_whole_numbers_with_a_unit() {
        let check = |text: &str, expected: Option<u64>| assert_eq!(quantity(text), expected, "{text:?}");
        check("1", Some(1));
        check("64Mi", Some(64 << 20));
        check("2000M", Some(2_000_000_000));
        check("1k", Some(1_000));
        check("999999999", Some(999_999_999));
        for text in ["", "0", "064Mi", "-1", "1.5Gi", "1 Mi", "Mi", "64mi", "64MB", "1000000000", "999999999Ti", "１"]
        {
            check(text, None);
        }
    }

    #[test]
    fn limits_stay_below_the_maximum_and_default_where_nothing_is_said() {
        let spec = |memory: &str, fuel: &str| LimitsSpec {
            memory: Some(memory.to_owned()),
            fuel: Some(fuel.to_owned()),
            output: None,
        };
        assert_eq!(parse(None), Ok(DEFAULT));
        let expected = Limits { memory: 64 << 20, fuel: 2_000_000_000, ..DEFAULT };
        assert_eq!(parse(Some(&spec("64Mi", "2000M"))), Ok(expected));
        let faults = parse_within(Some(&spec("1Gi", "much")), &MAXIMUM).expect_err("both are wrong");
        let texts: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "spec.limits.memory: 1Gi is 1073741824, more than the administrator's maximum of 134217728: ask for less",
                &format!("spec.limits.fuel: {}", QUANTITY.sentence),
            ]
        );
        let tight = Limits { memory: 1 << 20, ..MAXIMUM };
        assert_eq!(parse_within(None, &tight).map(|limits| limits.memory), Ok(1 << 20));
    }
}
