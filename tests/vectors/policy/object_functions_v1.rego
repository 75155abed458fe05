package spacelift

run := object.filter(input.run, ["type", "state", "branch"])

merged := object.union(run, {"extra": true})

deny contains json.marshal(merged) if object.get(input.run, ["commit", "author"], "nobody") == "mallory"

deny contains "subset" if not object.subset(merged, {"type": "TRACKED"})

deny contains sprintf("%v", [object.remove(run, ["state"])]) if input.run.state == "READY"
