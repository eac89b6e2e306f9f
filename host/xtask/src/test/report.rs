//! The table at the end, and the verdict.

use super::Tier;
use super::count::Counts;
use crate::progress::seconds;
use std::fmt::Write;
use std::time::Duration;

/// What the tiers gave.
#[derive(Debug, Default)]
pub struct Report {
    rows: Vec<(Tier, Counts, Duration)>,
}

impl Report {
    /// A tier has run.
    pub fn add(&mut self, tier: Tier, counts: Counts, took: Duration) {
        self.rows.push((tier, counts, took));
    }

    fn sum(&self) -> Counts {
        let mut sum = Counts::default();
        for (_, counts, _) in &self.rows {
            sum.add(counts.clone());
        }
        sum
    }

    /// The table, with the reasons of what was skipped below it.
    pub fn table(&self) -> String {
        let mut text = format!("\n{:<10} {:>7} {:>7} {:>8}  {}\n", "tier", "passed", "failed", "skipped", "time");
        for (tier, counts, took) in &self.rows {
            // Writing to a String does not fail.
            let _written = writeln!(
                text,
                "{:<10} {:>7} {:>7} {:>8}  {}",
                tier.as_str(),
                counts.passed,
                counts.failed,
                counts.skipped,
                seconds(*took)
            );
        }
        for (tier, _, _) in self.rows.iter().filter(|(_, counts, _)| ran_nothing(counts)) {
            let _written = writeln!(text, "{} ran nothing: there is no test of this kind", tier.as_str());
        }
        for (tier, counts, _) in &self.rows {
            for reason in &counts.reasons {
                let _written = writeln!(text, "skipped in {}: {reason}", tier.as_str());
            }
            for failure in &counts.failures {
                let _written = writeln!(text, "failed in {}: {failure}", tier.as_str());
            }
        }
        text
    }

    /// `N passed, N failed`, with `, N skipped` if there is any.
    pub fn last_line(&self) -> String {
        let sum = self.sum();
        let skipped = if sum.skipped > 0 { format!(", {} skipped", sum.skipped) } else { String::new() };
        format!("{} passed, {} failed{skipped}", sum.passed, sum.failed)
    }

    /// Whether nothing failed, every tier ran something or says why not, and where nothing may be skipped nothing was.
    pub fn is_good(&self, nothing_may_be_skipped: bool) -> bool {
        let sum = self.sum();
        let empty = self.rows.iter().any(|(_, counts, _)| ran_nothing(counts));
        sum.failed == 0 && !empty && (sum.skipped == 0 || !nothing_may_be_skipped)
    }
}

/// A tier that looks at nothing is no tier that passes.
fn ran_nothing(counts: &Counts) -> bool {
    counts.passed == 0 && counts.failed == 0 && counts.skipped == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(rows: &[(usize, usize, usize)]) -> Report {
        let mut report = Report::default();
        for &(passed, failed, skipped) in rows {
            report.add(Tier::Unit, Counts { passed, failed, skipped, ..Counts::default() }, Duration::ZERO);
        }
        report
    }

    #[test]
    fn the_last_line_sums_the_tiers() {
        assert_eq!(report(&[(3, 0, 0), (4, 1, 0)]).last_line(), "7 passed, 1 failed");
        assert_eq!(report(&[(3, 0, 2)]).last_line(), "3 passed, 0 failed, 2 skipped");
    }

    #[test]
    fn a_run_is_good_when_everything_ran_and_passed() {
        let check = |rows: &[_], ci, good| assert_eq!(report(rows).is_good(ci), good, "{rows:?} {ci}");
        check(&[(3, 0, 0)], true, true);
        check(&[(3, 1, 0)], false, false);
        check(&[(3, 0, 1)], false, true);
        check(&[(3, 0, 1)], true, false);
        check(&[(3, 0, 0), (0, 0, 0)], false, false);
    }
}
