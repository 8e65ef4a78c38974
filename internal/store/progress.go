package store

import "context"

// Progress is how far a delivery got on its way to its targets.
type Progress struct {
	// Targets are how many it was or is to be sent to, Taken those whose last answer was
	// a 2xx. Waiting and Dead are those in the queue.
	Targets, Taken, Waiting, Dead int
}

// Progress returns how far deliveries got, by id; those that were never to be sent on are
// left out.
func (h *Deliveries) Progress(ctx context.Context, ids ...string) (map[string]Progress, error) {
	keys := make([]int64, 0, len(ids))
	for _, id := range ids {
		if seq, ok := h.key(deliveryPrefix, id); ok {
			keys = append(keys, seq)
		}
	}
	out := map[string]Progress{}
	if len(keys) == 0 {
		return out, nil
	}
	list := h.engine.Numbers(keys)
	rows, err := h.query(ctx, `SELECT a.delivery, a.target, 'tried' FROM attempts AS a WHERE `+h.engine.In("a.delivery")+`
		UNION SELECT b.seq, b.target, 'failing' FROM failing AS b WHERE `+h.engine.In("b.seq")+`
		UNION SELECT f.delivery, f.target, f.state FROM forwards AS f WHERE `+h.engine.In("f.delivery"), list, list, list)
	if err != nil {
		return nil, h.kinded("read the forwards", err)
	}
	defer func() { _ = rows.Close() }()
	type way struct{ delivery, target int64 }
	states := map[way]map[string]bool{}
	for rows.Next() {
		var w way
		var state string
		if err := rows.Scan(&w.delivery, &w.target, &state); err != nil {
			return nil, h.kinded("read the forwards", err)
		}
		if states[w] == nil {
			states[w] = map[string]bool{}
		}
		states[w][state] = true
	}
	for w, is := range states {
		id := h.id(deliveryPrefix, w.delivery)
		p := out[id]
		p.Targets++
		switch {
		case is[string(ForwardDead)]:
			p.Dead++
		case is[string(ForwardWaiting)]:
			p.Waiting++
		case !is["failing"]:
			p.Taken++
		}
		out[id] = p
	}
	return out, h.kinded("read the forwards", rows.Err())
}

// Targets returns the URLs that deliveries were sent to, at most so many, the newest
// first.
func (h *Forwards) Targets(ctx context.Context, most int) ([]string, error) {
	rows, err := h.query(ctx, "SELECT g.url FROM targets AS g ORDER BY g.id DESC LIMIT ?", most)
	if err != nil {
		return nil, h.kinded("read the targets", err)
	}
	defer func() { _ = rows.Close() }()
	var out []string
	for rows.Next() {
		var url string
		if err := rows.Scan(&url); err != nil {
			return nil, h.kinded("read the targets", err)
		}
		out = append(out, url)
	}
	return out, h.kinded("read the targets", rows.Err())
}

// References returns the references of deposits, by id.
func (h *Deposits) References(ctx context.Context, ids ...string) (map[string]string, error) {
	keys := make([]int64, 0, len(ids))
	for _, id := range ids {
		if seq, ok := h.key(depositPrefix, id); ok {
			keys = append(keys, seq)
		}
	}
	out := map[string]string{}
	if len(keys) == 0 {
		return out, nil
	}
	rows, err := h.query(ctx, "SELECT d.seq, d.reference FROM deposits AS d WHERE "+h.engine.In("d.seq"), h.engine.Numbers(keys))
	if err != nil {
		return nil, h.kinded("read the references", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var seq int64
		var reference string
		if err := rows.Scan(&seq, &reference); err != nil {
			return nil, h.kinded("read the references", err)
		}
		out[h.id(depositPrefix, seq)] = reference
	}
	return out, h.kinded("read the references", rows.Err())
}
