//! The charts on a node on which nothing of the product was before.

mod images;
mod life;
mod pages;
