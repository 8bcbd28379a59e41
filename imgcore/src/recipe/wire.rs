//! The recipe's JSON.
