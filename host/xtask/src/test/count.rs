//! How many tests passed, from what their runners print.

/// Counts of one tier.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Passed.
    pub passed: usize,
    /// Failed.
    pub failed: usize,
    /// Not run.
    pub skipped: usize,
    /// Why something was not run, one line each.
    pub reasons: Vec<String>,
    /// The failed tests that their runner named, each with what it said.
    pub failures: Vec<String>,
}

/// How much of what a failed test said is kept: the place, the message, and a diff of some lines.
const SAID_LINES: usize = 20;

impl Counts {
    /// One test that was not run.
    pub fn skip(reason: impl Into<String>) -> Self {
        Self { skipped: 1, reasons: vec![reason.into()], ..Self::default() }
    }

    /// One test that passed or failed.
    pub fn one(ok: bool) -> Self {
        Self { passed: usize::from(ok), failed: usize::from(!ok), ..Self::default() }
    }

    /// The sum of the lines `test result: ok. 3 passed; 0 failed; 1 ignored; …`, one for each test binary.
    pub fn of_libtest(output: &str) -> Self {
        let mut sum = Self::default();
        for line in output.lines().filter_map(|line| line.trim().strip_prefix("test result: ")) {
            sum.passed += number_before(line, "passed");
            sum.failed += number_before(line, "failed");
            sum.skipped += number_before(line, "ignored");
        }
        if sum.skipped > 0 {
            sum.reasons.push("tests marked `ignore`".to_owned());
        }
        sum.failures = failures(output);
        sum
    }

    /// The last line of the shape `N passed, N failed[, N skipped]`.
    pub fn of_closing_line(output: &str) -> Self {
        let closing = output.lines().rev().find(|line| line.contains(" passed, ") && line.contains(" failed"));
        let Some(line) = closing else {
            return Self::default();
        };
        let skipped = number_before(line, "skipped");
        let reasons = if skipped > 0 { vec![line.trim().to_owned()] } else { Vec::new() };
        Self {
            passed: number_before(line, "passed"),
            failed: number_before(line, "failed"),
            skipped,
            reasons,
            failures: Vec::new(),
        }
    }

    /// The same, with a failure more if the runner failed without counting one (it did not compile, it crashed).
    pub fn and_runner(mut self, ok: bool) -> Self {
        if !ok && self.failed == 0 {
            self.failed = 1;
        }
        self
    }

    /// Adds another tier's or runner's counts.
    pub fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.reasons.extend(other.reasons);
        self.failures.extend(other.failures);
    }
}

/// The blocks `---- NAME stdout ----` that libtest prints for what failed.
fn failures(output: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut room = 0;
    for line in output.lines() {
        let name = line.strip_prefix("---- ").and_then(|rest| rest.strip_suffix(" stdout ----"));
        if let Some(name) = name {
            found.push(name.to_owned());
            room = SAID_LINES;
        } else if line == "failures:" {
            room = 0;
        } else if room > 0 && !line.is_empty() {
            room -= 1;
            if let Some(failure) = found.last_mut() {
                failure.push_str("\n      ");
                failure.push_str(line);
            }
        }
    }
    found
}

fn number_before(line: &str, word: &str) -> usize {
    let words: Vec<_> = line.split_whitespace().map(|w| w.trim_matches([',', ';', '.'])).collect();
    let found = words.windows(2).find(|pair| pair[1] == word);
    found.and_then(|pair| pair[0].parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(passed: usize, failed: usize, skipped: usize) -> (usize, usize, usize) {
        (passed, failed, skipped)
    }

    fn check(counted: &Counts, expected: (usize, usize, usize)) {
        assert_eq!((counted.passed, counted.failed, counted.skipped), expected);
    }

    #[test]
    fn the_lines_of_all_test_binaries_are_summed() {
        let output = "\
running 3 tests
test a ... ok
test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 1 filtered out; finished in 0.00s
test result: FAILED. 1 passed; 2 failed; 4 ignored; 0 measured; 0 filtered out; finished in 0.10s
";
        check(&Counts::of_libtest(output), counts(4, 2, 4));
    }

    #[test]
    fn a_failed_test_is_told_with_what_it_said() {
        let output = "\
failures:

---- sync::a_secret_follows stdout ----

thread 'sync::a_secret_follows' panicked at tests/it/sync.rs:7:5:
the Secret is old

failures:
    sync::a_secret_follows

test result: FAILED. 1 passed; 1 failed; 0 ignored;
";
        let said = "sync::a_secret_follows\n      \
                    thread 'sync::a_secret_follows' panicked at tests/it/sync.rs:7:5:\n      the Secret is old";
        assert_eq!(Counts::of_libtest(output).failures, [said]);
    }

    #[test]
    fn a_closing_line_is_read_wherever_it_stands() {
        check(&Counts::of_closing_line("ok\n12 passed, 1 failed\nbye\n"), counts(12, 1, 0));
        check(&Counts::of_closing_line("oracle: 12 passed, 0 failed, 2 skipped\n"), counts(12, 0, 2));
        check(&Counts::of_closing_line("nothing of the kind\n"), counts(0, 0, 0));
    }

    #[test]
    fn a_runner_that_fails_without_a_count_counts_as_one_failure() {
        check(&Counts::default().and_runner(false), counts(0, 1, 0));
        check(&Counts::of_libtest("test result: FAILED. 1 passed; 2 failed;").and_runner(false), counts(1, 2, 0));
        check(&Counts::default().and_runner(true), counts(0, 0, 0));
    }
}
