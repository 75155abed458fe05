//! What the interpreter finds in the module.

use pyo3::prelude::*;

/// The library behind `spacelift_worker`. Private: its names change without notice.
#[pymodule(gil_used = false)]
mod _native {
    #[pymodule_export]
    #[expect(non_upper_case_globals, reason = "the name under which Python looks for it")]
    const __version__: &str = env!("CARGO_PKG_VERSION");

    #[pymodule_export]
    use crate::cobblestone::{Decryptor, Encryptor};
    #[pymodule_export]
    use crate::config::{config_reference, parse_config, parse_duration};
    #[pymodule_export]
    use crate::keys::{PoolKey, PoolPublicKey};
    #[pymodule_export]
    use crate::log::{log_fd, set_log_level, take_log, wake_log};
    #[pymodule_export]
    use crate::mask::{Masker, Secrets};
    #[pymodule_export]
    use crate::policy::{InitializationPolicy, policies_go_on, policies_rest};
    #[pymodule_export]
    use crate::preflight::preflight;
    #[pymodule_export]
    use crate::protocol::read_message;
    #[pymodule_export]
    use crate::runtime::{protect_process, start_runtime};
    #[pymodule_export]
    use crate::seal::{Sealer, seal, seal_file, sealed_len};
    #[pymodule_export]
    use crate::session::{Session, policy_child};
    #[pymodule_export]
    use crate::token::PoolToken;
    #[pymodule_export]
    use crate::unseal::{Unsealer, inspect, unseal, unseal_file, unseal_range};
    #[cfg(debug_assertions)]
    #[pymodule_export]
    use crate::{log::say, work::break_down};
}

/// What an interpreter allocates is aligned to 16 bytes, whatever a class asks for.
#[rustfmt::skip]
const _: () = {
    use std::mem::align_of;
    assert!(align_of::<crate::cobblestone::Decryptor>() <= 16 && align_of::<crate::cobblestone::Encryptor>() <= 16);
    assert!(align_of::<crate::keys::PoolKey>() <= 16 && align_of::<crate::keys::PoolPublicKey>() <= 16);
    assert!(align_of::<crate::mask::Masker>() <= 16 && align_of::<crate::mask::Secrets>() <= 16);
    assert!(align_of::<crate::policy::InitializationPolicy>() <= 16 && align_of::<crate::token::PoolToken>() <= 16);
    assert!(align_of::<crate::seal::Sealer>() <= 16 && align_of::<crate::unseal::Unsealer>() <= 16);
};
