package web

import (
	"net/http"
	"strings"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/view"
)

// The documents are the commands' own; next is where a list goes on, null at its end.

type apiList[T any] struct {
	Items []T     `json:"items"`
	Next  *string `json:"next"`
}

func newAPIList[T, V any](got found[T], shown func(*T) V) apiList[V] {
	l := apiList[V]{Items: make([]V, len(got.items))}
	for i := range got.items {
		l.Items[i] = shown(&got.items[i])
	}
	if got.next != "" {
		l.Next = &got.next
	}
	return l
}

func (s *Server) apiDeliveries(r *http.Request) (answer, error) {
	got, err := s.findDeliveries(r.Context(), queryOf(r))
	return answer{document: newAPIList(got, func(d *store.StoredDelivery) view.Delivery { return view.NewDelivery(*d, false, s.ShowPhone) })}, err
}

func (s *Server) apiDelivery(r *http.Request) (answer, error) {
	d, err := s.Ledger.Deliveries.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return answer{}, err
	}
	v := view.NewDeliveryDetail(d, s.ShowPhone)
	v.Headers = map[string]string{}
	for _, h := range headers(d.Header, s.masked) {
		v.Headers[h.Name] = h.Value
	}
	tried, err := s.Ledger.Deliveries.Attempts(r.Context(), d.ID)
	v.Attempts = []view.Attempt{}
	for _, at := range tried {
		v.Attempts = append(v.Attempts, view.NewAttempt(at, s.ShowPhone))
	}
	return answer{document: v}, err
}

func (s *Server) apiDeposits(r *http.Request) (answer, error) {
	ctx := r.Context()
	got, err := s.findDeposits(ctx, queryOf(r))
	if err != nil {
		return answer{}, err
	}
	ids := make([]string, len(got.items))
	for i := range got.items {
		ids[i] = got.items[i].ID
	}
	doubts, err := s.Ledger.Deposits.Doubts(ctx, ids...)
	return answer{document: newAPIList(got, func(d *payment.Deposit) view.Deposit { return view.NewDeposit(*d, doubts[d.ID], nil, s.ShowPhone) })}, err
}

func (s *Server) apiDeposit(r *http.Request) (answer, error) {
	d, doubts, others, err := s.find(r.Context(), strings.TrimSpace(r.PathValue("id")))
	if err != nil {
		return answer{}, err
	}
	return answer{document: view.NewDeposit(*d, doubts, others, s.ShowPhone)}, nil
}

func (s *Server) apiTrace(r *http.Request) (answer, error) {
	_, v, err := s.trace(r.Context(), r.PathValue("id"))
	return answer{document: v}, err
}

func (s *Server) apiStats(r *http.Request) (answer, error) {
	report, _, err := s.report(r.Context(), r)
	if err != nil {
		return answer{}, err
	}
	return answer{document: view.NewStats(report, s.Zone)}, nil
}
