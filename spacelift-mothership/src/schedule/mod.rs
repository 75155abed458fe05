//! Which run goes to which worker next: pure.
