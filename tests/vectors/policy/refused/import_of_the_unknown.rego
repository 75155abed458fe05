package spacelift

import runs.current

deny contains "x" if current
