"""FOP's theory on tables: the appendix's sections A to C in numpy, exact, to test what they state.

`games` small games, `soft_values` B.1, `factorisation` A and equations 15 and 18, `iteration` B.2 and B.3,
`temperatures` C. Legend of shapes: `S` joint trajectories tau (the states of a small game), `N` agents, `A`
actions of each, `U = A^N` joint actions u in C order (the first agent's changes slowest). What belongs to an
agent, such as `q_i(tau_i, u_i)`, is `[N, S, A]`: written once per tau, equal wherever tau_i is. All float64.
`docs/theory.md` has the statements, with the assumptions that they turn out to need.
"""
