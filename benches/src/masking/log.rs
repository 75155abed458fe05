//! A log as Terraform writes it, and secrets, the same each time.

/// A sequence of numbers that looks random (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// A sequence of its own for each seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    /// One of these.
    pub fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }

    /// So many of these characters.
    pub fn text(&mut self, of: &str, length: usize) -> String {
        (0..length).map(|_| char::from(of.as_bytes()[self.below(of.len())])).collect()
    }
}

const HEX: &str = "0123456789abcdef";
const DIGITS: &str = "0123456789";
const BASE64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const SYMBOLS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&*+-./:;<=>?@^_~\"'";

/// Secrets of 16 to 64 bytes: keys, tokens, and passwords with all that a keyboard has.
pub fn secrets(count: usize) -> Vec<String> {
    let mut random = Random::new(count as u64);
    let secret = |_| {
        let length = 16 + random.below(49);
        let of = random.pick(&[BASE64, HEX, SYMBOLS]);
        random.text(of, length)
    };
    (0..count).map(secret).collect()
}

const KINDS: &[&str] = &[
    "aws_subnet",
    "aws_iam_role",
    "aws_iam_role_policy_attachment",
    "aws_security_group_rule",
    "aws_route_table_association",
    "aws_lambda_function",
    "aws_s3_bucket",
    "azurerm_storage_account",
    "google_compute_instance",
    "kubernetes_deployment",
    "helm_release",
    "random_password",
    "null_resource",
    "aws_cloudwatch_log_group",
    "aws_kms_key",
    "aws_eks_node_group",
];
const NAMES: &[&str] = &[
    "private", "public", "this", "main", "default", "worker", "ingress", "egress", "logs", "primary",
    "replica", "api",
];
const MODULES: &[&str] = &[
    "module.network",
    "module.cluster.module.nodes",
    "module.database",
    "module.service[\"billing\"]",
    "module.iam",
];
const REGIONS: &[&str] = &["eu-west-1", "us-east-1", "eu-central-1", "ap-southeast-2"];

/// One line, or some that belong together, without colours.
fn lines(random: &mut Random, out: &mut String) {
    use std::fmt::Write as _;
    let address = format!(
        "{}.{}.{}[{}]",
        random.pick(MODULES),
        random.pick(KINDS),
        random.pick(NAMES),
        random.below(40)
    );
    let id = random.text(HEX, 17);
    let account = random.text(DIGITS, 12);
    let region = random.pick(REGIONS);
    // Nothing here can fail: a text takes all.
    let _ = match random.below(12) {
        0 => writeln!(out, "{address}: Refreshing state... [id=subnet-{id}]"),
        1 => writeln!(out, "{address}: Creating..."),
        2 => writeln!(out, "{address}: Still creating... [{}s elapsed]", 10 + 10 * random.below(30)),
        3 => writeln!(out, "{address}: Creation complete after {}s [id=sg-{id}]", random.below(300)),
        4 => writeln!(
            out,
            "  # {address} will be updated in-place\n  ~ resource \"{}\" \"{}\" {{",
            random.pick(KINDS),
            random.pick(NAMES)
        ),
        5 => writeln!(
            out,
            "      + arn                                  = \"arn:aws:iam::{account}:role/{}-{region}\"",
            random.pick(NAMES)
        ),
        6 => writeln!(
            out,
            "      + cidr_block                           = \"10.{}.{}.0/24\"",
            random.below(256),
            random.below(256)
        ),
        7 => writeln!(
            out,
            "      ~ tags                                 = {{\n          + \"Environment\" = \"production\"\n          + \"ManagedBy\"   = \"terraform\"\n        }}"
        ),
        8 => writeln!(
            out,
            "      + source_code_hash                     = \"{}=\" -> (known after apply)",
            random.text(BASE64, 43)
        ),
        9 => writeln!(
            out,
            "2024-11-{:02}T{:02}:{:02}:{:02}.{}Z [INFO]  provider: configuring client automatic mTLS: pid={}",
            1 + random.below(28),
            random.below(24),
            random.below(60),
            random.below(60),
            random.text(DIGITS, 3),
            random.below(60_000)
        ),
        10 => writeln!(
            out,
            "      + policy                               = jsonencode({{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Action\":[\"s3:GetObject\",\"s3:ListBucket\"],\"Effect\":\"Allow\",\"Resource\":\"arn:aws:s3:::{}-{region}/*\"}}]}})",
            random.pick(NAMES)
        ),
        _ => writeln!(
            out,
            "Plan: {} to add, {} to change, {} to destroy.",
            random.below(90),
            random.below(30),
            random.below(9)
        ),
    };
}

/// A log of `length` bytes in which every 500th entry names one of the secrets.
///
/// `coloured` puts control sequences around what Terraform colours: about one in 40 bytes is the beginning of one.
pub fn log(secrets: &[String], length: usize, coloured: bool) -> Vec<u8> {
    let mut random = Random::new(1);
    let mut log = String::with_capacity(length + 1_000);
    let mut entry = String::new();
    for number in 0.. {
        if log.len() >= length {
            break;
        }
        entry.clear();
        if number % 500 == 250
            && let Some(secret) = secrets.get(number / 500 % secrets.len().max(1))
        {
            entry.push_str(&format!("      + password                             = \"{secret}\"\n"));
        } else {
            lines(&mut random, &mut entry);
        }
        if coloured {
            for line in entry.split_inclusive('\n') {
                let line = line.replacen("  + ", "  \x1b[32m+\x1b[0m\x1b[0m ", 1);
                let line = line.replacen("  ~ ", "  \x1b[33m~\x1b[0m\x1b[0m ", 1);
                log.push_str("\x1b[0m\x1b[1m");
                log.push_str(line.trim_end());
                log.push_str("\x1b[0m\n");
            }
        } else {
            log.push_str(&entry);
        }
    }
    log.truncate(length);
    log.into_bytes()
}
