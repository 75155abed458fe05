package spacelift

vendor := input.static_run_environment.vendor_specific_config

deny[sprintf("%s stacks run in another pool", [vendor.vendor])] { vendor.vendor != "terraform" }
deny["no terragrunt"] { vendor.typed_config.use_terragrunt }
deny["not a supported version"] {
  not semver.is_valid(input.static_run_environment.terraform_version)
}
deny[sprintf("terraform %s is too old", [version])] {
  version := input.static_run_environment.terraform_version
  semver.compare(version, "1.4.0") < 0
}
