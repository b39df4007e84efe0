/* Q-learning in a table, as benchmarks/c_kernel.py runs it: what walk_and_learn of agents/tabular/_table_loop.py does,
   decision by decision and draw by draw, for a world that does not drift. Numbers come from numpy's own generators. */

#include <stdint.h>

typedef double (*draw)(void *);

typedef struct {
    int64_t states, choices, width, horizon, steps;
    const double *cumulative, *reward, *start; /* (S, A, K), (S, A, K), (S,) */
    const int64_t *successor;                  /* (S, A, K) */
    const uint8_t *terminated;                 /* (S, A, K) */
} world;

typedef struct {
    int64_t *cell, *choice, *after;
    double *greedy, *reward;
    uint8_t *terminated, *truncated;
} columns;

static int64_t first_state(const world *w, double u) {
    for (int64_t s = 0; s < w->states; s++)
        if (w->start[s] > u) return s;
    return 0;
}

static int64_t greedy_choice(const double *q, int64_t choices, draw next, void *rng) {
    double best = q[0];
    int64_t choice = 0, ties = 1;
    for (int64_t a = 1; a < choices; a++) {
        if (q[a] > best) {
            best = q[a], choice = a, ties = 1;
        } else if (q[a] == best) {
            ties++;
            if (next(rng) * (double)ties < 1.0) choice = a;
        }
    }
    return choice;
}

static int64_t greedy_beside(const double *q, int64_t choices, int64_t choice) {
    double best = q[0];
    int64_t first = 0;
    for (int64_t a = 1; a < choices; a++)
        if (q[a] > best) best = q[a], first = a;
    return q[choice] == best ? choice : first;
}

static double best_value(const double *q, int64_t choices) {
    double best = q[0];
    for (int64_t a = 1; a < choices; a++)
        if (q[a] > best) best = q[a];
    return best;
}

void walk_and_learn(const world *w, const columns *out, double *q, double step_size, double discount, double epsilon,
                    draw next_chance, void *chance, draw next_draw, void *rng) {
    int64_t state = first_state(w, next_chance(chance)), elapsed = 0;
    for (int64_t i = 0; i < w->steps; i++) {
        double *here = q + state * w->choices;
        int explored = next_draw(rng) < epsilon;
        int64_t choice = explored ? (int64_t)(next_draw(rng) * (double)w->choices)
                                  : greedy_choice(here, w->choices, next_draw, rng);
        out->cell[i] = state, out->choice[i] = choice;
        out->greedy[i] = explored ? (double)greedy_beside(here, w->choices, choice) : (double)choice;
        double u = next_chance(chance);
        int64_t at = (state * w->choices + choice) * w->width, k = 0;
        while (k < w->width && !(w->cumulative[at + k] > u)) k++;
        at += k < w->width ? k : 0;
        int64_t after = w->successor[at];
        double reward = w->reward[at];
        int ends = w->terminated[at], cut = w->horizon > 0 && ++elapsed >= w->horizon;
        out->reward[i] = reward, out->after[i] = after;
        out->terminated[i] = (uint8_t)ends, out->truncated[i] = (uint8_t)cut;
        double target = ends ? reward : reward + discount * best_value(q + after * w->choices, w->choices);
        here[choice] += step_size * (target - here[choice]);
        state = after;
        if ((ends || cut) && i + 1 < w->steps) state = first_state(w, next_chance(chance)), elapsed = 0;
    }
}
