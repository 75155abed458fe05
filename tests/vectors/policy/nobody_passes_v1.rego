package spacelift

deny contains "this pool is closed for maintenance" if true
