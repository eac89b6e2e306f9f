//! The charts on a node on which nothing of the product was before.

mod images;
mod life;
mod original;
mod pages;
mod upgrade;
