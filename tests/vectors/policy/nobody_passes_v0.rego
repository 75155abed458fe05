package spacelift

deny["this pool is closed for maintenance"] {
  true
}
