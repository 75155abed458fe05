//! One run, from assignment to outcome: decides, performs nothing.
