//! Who acts, and what they may do and spend: virtual keys, roles, identity providers, budgets.

pub mod budget;
