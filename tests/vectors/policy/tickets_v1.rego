package spacelift

tickets := regex.find_n(`[A-Z]{2,10}-[0-9]+`, input.run.commit.message, -1)

deny contains "the commit names no ticket" if count(tickets) == 0

deny contains sprintf("the commit names %d tickets: %s", [count(tickets), concat(", ", tickets)]) if count(tickets) > 1
