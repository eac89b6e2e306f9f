//! The syntax tree of a template, as far as more than one question is asked of it.

use minijinja::machinery::ast::{CallArg, Expr, Stmt};
use std::iter::once;

/// The variable that holds all objects.
pub const OBJECTS: &str = "objects";

/// Fields from `objects` on, as `["db", "value"]` for `objects.db.value` and for `objects["db"].value`. Nothing where the
/// expression is something else, or a subscript is computed.
pub fn path<'t>(expr: &'t Expr<'_>) -> Option<Vec<&'t str>> {
    let (base, field) = match expr {
        Expr::Var(var) => return (var.id == OBJECTS).then(Vec::new),
        Expr::GetAttr(get) => (&get.expr, get.name),
        Expr::GetItem(get) => match &get.subscript_expr {
            Expr::Const(subscript) => (&get.expr, subscript.value.as_str()?),
            _ => return None,
        },
        _ => return None,
    };
    let mut fields = path(base)?;
    fields.push(field);
    Some(fields)
}

/// The expressions that an expression is made of.
pub fn parts<'t, 's>(expr: &'t Expr<'s>) -> Vec<&'t Expr<'s>> {
    match expr {
        Expr::Var(_) | Expr::Const(_) => Vec::new(),
        Expr::Slice(e) => once(&e.expr).chain(&e.start).chain(&e.stop).chain(&e.step).collect(),
        Expr::UnaryOp(e) => vec![&e.expr],
        Expr::BinOp(e) => vec![&e.left, &e.right],
        Expr::Compare(e) => once(&e.expr).chain(e.ops.iter().map(|op| &op.expr)).collect(),
        Expr::IfExpr(e) => [&e.test_expr, &e.true_expr].into_iter().chain(&e.false_expr).collect(),
        Expr::Filter(e) => e.expr.iter().chain(e.args.iter().map(argument)).collect(),
        Expr::Test(e) => once(&e.expr).chain(e.args.iter().map(argument)).collect(),
        Expr::GetAttr(e) => vec![&e.expr],
        Expr::GetItem(e) => vec![&e.expr, &e.subscript_expr],
        Expr::Call(e) => once(&e.expr).chain(e.args.iter().map(argument)).collect(),
        Expr::List(e) => e.items.iter().collect(),
        Expr::Tuple(e) => e.items.iter().collect(),
        Expr::Map(e) => e.keys.iter().chain(&e.values).collect(),
    }
}

/// The expression of an argument.
pub fn argument<'t, 's>(argument: &'t CallArg<'s>) -> &'t Expr<'s> {
    match argument {
        CallArg::Pos(e) | CallArg::Kwarg(_, e) | CallArg::PosSplat(e) | CallArg::KwargSplat(e) => e,
    }
}

/// Whether the expression, or one that it is made of, is such.
pub fn any(expr: &Expr<'_>, such: &impl Fn(&Expr<'_>) -> bool) -> bool {
    such(expr) || parts(expr).into_iter().any(|part| any(part, such))
}

/// What a statement reads, what it assigns to, and the statements within it.
#[derive(Default)]
pub struct Parts<'t, 's> {
    /// Expressions in the order of the text.
    pub reads: Vec<&'t Expr<'s>>,
    /// Names, or lists of names.
    pub assigns: Vec<&'t Expr<'s>>,
    /// Bodies.
    pub bodies: Vec<&'t [Stmt<'s>]>,
}

/// Takes a statement apart.
pub fn statement<'t, 's>(stmt: &'t Stmt<'s>) -> Parts<'t, 's> {
    let parts = |reads, assigns, bodies| Parts { reads, assigns, bodies };
    match stmt {
        Stmt::Template(s) => parts(vec![], vec![], vec![&s.children]),
        Stmt::EmitExpr(s) => parts(vec![&s.expr], vec![], vec![]),
        Stmt::EmitRaw(_) => Parts::default(),
        Stmt::ForLoop(s) => {
            let reads = once(&s.iter).chain(&s.filter_expr).collect();
            parts(reads, vec![&s.target], vec![&s.body, &s.else_body])
        }
        Stmt::IfCond(s) => parts(vec![&s.expr], vec![], vec![&s.true_body, &s.false_body]),
        Stmt::WithBlock(s) => {
            let (targets, values) = s.assignments.iter().map(|(target, value)| (target, value)).unzip();
            parts(values, targets, vec![&s.body])
        }
        Stmt::Set(s) => parts(vec![&s.expr], vec![&s.target], vec![]),
        Stmt::SetBlock(s) => parts(s.filter.iter().collect(), vec![&s.target], vec![&s.body]),
        Stmt::AutoEscape(s) => parts(vec![&s.enabled], vec![], vec![&s.body]),
        Stmt::FilterBlock(s) => parts(vec![&s.filter], vec![], vec![&s.body]),
        Stmt::Do(s) => parts(once(&s.call.expr).chain(s.call.args.iter().map(argument)).collect(), vec![], vec![]),
    }
}
