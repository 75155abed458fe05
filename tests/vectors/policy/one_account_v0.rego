package spacelift

deny["this pool works for acme alone"] { input.static_run_environment.account_name != "acme" }
deny["this pool works for acme alone"] { not input.static_run_environment.account_name }
