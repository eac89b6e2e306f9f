//! What of a template can be found wrong without values: names of objects, variables, filters, tests and functions that
//! are not there.
//!
//! A place that needs what is not there is refused where the template comes to it whatever the values are, or where only
//! values decide. What stands behind a question for presence (`is defined`, `default`, `in`), or behind anything that is
//! not followed here, is left to rendering: a template that guards itself is never refused.

use crate::tree::{self, OBJECTS, path};
use crate::uses::{assigned, is_presence, reads_objects};
use minijinja::machinery::Span;
use minijinja::machinery::ast::{BinOpKind, CompareOpKind, Expr, Stmt};
use minijinja::{Environment, context};
use std::collections::BTreeSet;

/// Something that is not there.
#[derive(Debug, PartialEq, Eq)]
pub struct Unknown {
    /// `unknown-name`, `unknown-filter` or `unknown-test`.
    pub code: &'static str,
    /// As the template writes it.
    pub name: String,
    /// Line in the template, from one.
    pub line: usize,
}

/// Filters that take a text, and fail on what is not there.
const OF_TEXT: [&str; 10] =
    ["properties", "quote", "shell", "b64encode", "b64decode", "upper", "lower", "trim", "replace", "indent"];

/// Finds the first.
pub fn judge(environment: &Environment<'_>, aliases: &BTreeSet<&str>, template: &Stmt<'_>) -> Result<(), Unknown> {
    let mut names: BTreeSet<&str> = ["loop", "self"].into();
    names.extend(environment.globals().map(|(name, _)| name));
    assigned(template, &mut names);
    Judge { environment, aliases, names }.statement(template)
}

struct Judge<'t> {
    environment: &'t Environment<'t>,
    aliases: &'t BTreeSet<&'t str>,
    /// Variables that have a value somewhere in the template.
    names: BTreeSet<&'t str>,
}

/// What is known of a condition.
enum Branch {
    Always(bool),
    Values,
    Open,
}

impl Judge<'_> {
    fn body(&self, body: &[Stmt<'_>]) -> Result<(), Unknown> {
        body.iter().try_for_each(|stmt| self.statement(stmt))
    }

    fn statement(&self, stmt: &Stmt<'_>) -> Result<(), Unknown> {
        match stmt {
            Stmt::EmitExpr(emit) => self.wanted(&emit.expr),
            Stmt::IfCond(cond) => {
                self.wanted(&cond.expr)?;
                self.branches(&cond.expr, |taken| self.body(if taken { &cond.true_body } else { &cond.false_body }))
            }
            Stmt::ForLoop(loops) => {
                self.wanted(&loops.iter)?;
                let some = loops.iter.as_const().and_then(|value| value.len()).is_some_and(|length| length > 0);
                if !some && !reads_objects(&loops.iter) {
                    return Ok(());
                }
                let Some(filter) = &loops.filter_expr else {
                    return self.body(&loops.body);
                };
                self.wanted(filter)?;
                self.branches(filter, |taken| if taken { self.body(&loops.body) } else { Ok(()) })
            }
            _ => {
                let parts = tree::statement(stmt);
                parts.reads.into_iter().try_for_each(|expr| self.expression(expr))?;
                parts.bodies.into_iter().try_for_each(|body| self.body(body))
            }
        }
    }

    /// Judges what the condition lets through.
    fn branches(&self, condition: &Expr<'_>, judge: impl Fn(bool) -> Result<(), Unknown>) -> Result<(), Unknown> {
        match self.branch(condition) {
            Branch::Always(taken) => judge(taken),
            Branch::Values => judge(true).and_then(|()| judge(false)),
            Branch::Open => Ok(()),
        }
    }

    fn branch(&self, condition: &Expr<'_>) -> Branch {
        if let Some(value) = condition.as_const() {
            return Branch::Always(value.is_true());
        }
        let presence = |expr: &Expr<'_>| match expr {
            Expr::Test(test) if is_presence(test.name) => !self.is_field(&test.expr),
            Expr::Test(test) => matches!(test.name, "filter" | "test" | "in"),
            Expr::Filter(filter) => matches!(filter.name, "default" | "d"),
            Expr::BinOp(op) => matches!(op.op, BinOpKind::In),
            Expr::Compare(compare) => {
                compare.ops.iter().any(|op| matches!(op.op, CompareOpKind::In | CompareOpKind::NotIn))
            }
            _ => false,
        };
        if tree::any(condition, &presence) || !tree::any(condition, &|expr| self.is_field(expr)) {
            Branch::Open
        } else {
            Branch::Values
        }
    }

    /// Whether it is a field of an object that the resource has.
    fn is_field(&self, expr: &Expr<'_>) -> bool {
        path(expr).is_some_and(|fields| fields.len() > 1 && self.aliases.contains(fields[0]))
    }

    /// An expression whose value must be there.
    fn wanted(&self, expr: &Expr<'_>) -> Result<(), Unknown> {
        self.there(expr, "")?;
        self.expression(expr)
    }

    fn there(&self, expr: &Expr<'_>, field: &str) -> Result<(), Unknown> {
        let unknown = |name: String, span: Span| {
            let field = if field.is_empty() { String::new() } else { format!(".{field}") };
            Err(Unknown { code: "unknown-name", name: name + &field, line: span.start_line as usize })
        };
        if let Expr::Var(var) = expr
            && var.id != OBJECTS
            && !self.names.contains(var.id)
        {
            return unknown(var.id.to_owned(), var.span());
        }
        match path(expr).as_deref() {
            Some([alias]) if !self.aliases.contains(alias) && !self.names.contains(OBJECTS) => {
                unknown(format!("{OBJECTS}.{alias}"), expr.span())
            }
            _ => Ok(()),
        }
    }

    fn expression(&self, expr: &Expr<'_>) -> Result<(), Unknown> {
        match expr {
            Expr::GetAttr(get) => self.there(&get.expr, get.name)?,
            Expr::GetItem(get) => {
                let field = if let Expr::Const(field) = &get.subscript_expr { field.value.as_str() } else { None };
                self.there(&get.expr, field.unwrap_or_default())?;
            }
            Expr::Call(call) => self.there(&call.expr, "")?,
            Expr::Filter(filter) => {
                self.known("filter", "unknown-filter", filter.name, filter.span())?;
                if let Some(text) = filter.expr.as_ref().filter(|_| OF_TEXT.contains(&filter.name)) {
                    self.there(text, "")?;
                }
            }
            Expr::Test(test) => self.known("test", "unknown-test", test.name, test.span())?,
            Expr::IfExpr(choice) => {
                self.wanted(&choice.test_expr)?;
                return self.branches(&choice.test_expr, |taken| match (taken, &choice.false_expr) {
                    (true, _) => self.expression(&choice.true_expr),
                    (false, Some(other)) => self.expression(other),
                    (false, None) => Ok(()),
                });
            }
            Expr::BinOp(op) if matches!(op.op, BinOpKind::ScAnd | BinOpKind::ScOr) => {
                self.wanted(&op.left)?;
                let and = matches!(op.op, BinOpKind::ScAnd);
                return self.branches(&op.left, |taken| if taken == and { self.expression(&op.right) } else { Ok(()) });
            }
            _ => {}
        }
        tree::parts(expr).into_iter().try_for_each(|part| self.expression(part))
    }

    /// Whether the environment has a filter or test of this name: it can be asked in its own language alone.
    fn known(&self, kind: &str, code: &'static str, name: &str, span: Span) -> Result<(), Unknown> {
        let question = self.environment.compile_expression(if kind == "filter" { "n is filter" } else { "n is test" });
        let known = question.and_then(|question| question.eval(context! { n => name })).is_ok_and(|v| v.is_true());
        if known { Ok(()) } else { Err(Unknown { code, name: name.to_owned(), line: span.start_line as usize }) }
    }
}
