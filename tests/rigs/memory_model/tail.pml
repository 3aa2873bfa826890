/* One writer and its tailing readers: publish, tail, roll, cross and wake (SPEC.md sections 6, 7.3, 8 and 11).
 *
 * The writer's stores go through a buffer that is modelled by hand, since spin's own memory is sequentially
 * consistent. It is weaker than x86's: stores to different places reach memory in any order, but that a release
 * store follows all that precede it. Readers load in the order of their program (acquire).
 *
 * The stream has three frames: two in segment A, which then is sealed, and one in segment B. Before each append, a
 * larger one is begun and abandoned, which leaves rubbish where the next commit word will be.
 *
 * What is checked: a frame is handed out once, in order, with its bytes in place; rubbish is never taken for a
 * commit word; a successor is never entered too early; and nobody sleeps for ever (an invalid end state).
 *
 * Each of these switches breaks one rule, and must be found out:
 *   RELAXED    the commit word is stored without release
 *   NO_ZERO    the next commit word is not zeroed before the present one is stored
 *   NO_FENCE   readers do without membarrier before they look again and sleep
 *   NO_RELOOK  a reader that saw a successor does not load its commit word once more
 *   EARLY      the magic of segment B is stored without release
 *   NO_SECOND  readers do not look again between setting the flag and sleeping
 *   FLAG       the word is a flag, 1 or 0, and no count: a second reader that sets it again hides from the first one
 *              that the writer was there (needs two readers)
 */
#ifndef READERS
#define READERS 2
#endif

#define FRAMES 3
#define RUBBISH 9
#define FRAME 1
#define SEAL 2

/* Places in memory. */
#define WORD_A(i) (i)      /* commit words 0, 1 and that of the seal, 2 */
#define DATA_A(i) (3 + i)  /* the rest of frames 0 and 1 */
#define WORD_B(i) (5 + i)  /* commit word 0, and the one after it */
#define DATA_B 7
#define MAGIC 8
#define PREVIOUS_END 9 /* of segment B's header: 2 once it is there */
byte memory[10];

byte sleepers;          /* the control page's word: odd while someone sleeps or is about to */
bit asleep[READERS];

/* The store buffer. */
#define CAPACITY 6
byte place[CAPACITY];
byte value[CAPACITY];
bit release[CAPACITY];
byte buffered;

inline store(where, what, with_release) {
  atomic {
    (buffered < CAPACITY);
    place[buffered] = where;
    value[buffered] = what;
    release[buffered] = with_release;
    buffered++
  }
}

/* The store at `index` reaches memory. */
inline drain(index) {
  memory[place[index]] = value[index];
  k = index;
  do
  :: k + 1 < buffered ->
       place[k] = place[k + 1]; value[k] = value[k + 1]; release[k] = release[k + 1];
       k++
  :: else -> break
  od;
  buffered--;
  place[buffered] = 0; value[buffered] = 0; release[buffered] = 0;
  k = 0
}

/* May the store at `index` be the next one? Not before one to the same place, nor, where it releases, before any. */
#define later(index) \
  ((index > 0 && (release[index] || place[0] == place[index])) || \
   (index > 1 && place[1] == place[index]) || (index > 2 && place[2] == place[index]) || \
   (index > 3 && place[3] == place[index]) || (index > 4 && place[4] == place[index]))

bit writing = 1;

active proctype memory_system() {
  byte k;
end_idle:
  do
  :: d_step { buffered > 0 -> drain(0) }
  :: d_step { (buffered > 1 && !later(1)) -> drain(1) }
  :: d_step { (buffered > 2 && !later(2)) -> drain(2) }
  :: d_step { (buffered > 3 && !later(3)) -> drain(3) }
  :: d_step { (buffered > 4 && !later(4)) -> drain(4) }
  :: d_step { (buffered > 5 && !later(5)) -> drain(5) }
  :: (!writing && buffered == 0) -> break
  od
}

#ifdef RELAXED
#define COMMIT 0
#else
#define COMMIT 1
#endif

/* A larger frame is begun and abandoned: its bytes stand where the next word will be. */
inline abandon(next) { store(next, RUBBISH, 0) }

inline append(word, data, next) {
  abandon(next);
  store(data, FRAME, 0);
#ifndef NO_ZERO
  store(next, 0, 0);
#endif
  store(word, FRAME, COMMIT);
  wake()
}

#ifdef FLAG
#define NEXT_SLEEP 0
#else
#define NEXT_SLEEP (sleepers + 1)
#endif

/* The load may overtake what is buffered. The increment is a full fence. */
inline wake() {
  if
  :: sleepers % 2 ->
       atomic {
         (buffered == 0);
         if
         :: sleepers % 2 -> sleepers = NEXT_SLEEP; r = 0; do :: r < READERS -> asleep[r] = 0; r++ :: else -> break od; r = 0
         :: else
         fi
       }
  :: else
  fi
}

active proctype writer() {
  byte r;
  append(WORD_A(0), DATA_A(0), WORD_A(1));
  append(WORD_A(1), DATA_A(1), WORD_A(2));
  /* The roll: a seal, then the next segment. */
  store(WORD_A(2), SEAL, COMMIT);
  store(PREVIOUS_END, 2, 0);
#ifdef EARLY
  store(MAGIC, 1, 0);
#else
  store(MAGIC, 1, 1);
#endif
  wake();
  append(WORD_B(0), DATA_B, WORD_B(1));
  writing = 0
}

proctype reader(byte me) {
  byte next;      /* the frame that is looked for, 0 to FRAMES */
  bit in_b, at_seal;
  byte word, k, expected;

look:
  if
  :: in_b -> word = memory[WORD_B(0)]
  :: else -> word = memory[WORD_A(next)]
  fi;
taken:
  assert(word != RUBBISH);
  if
  :: word == FRAME ->
       if
       :: in_b -> assert(memory[DATA_B] == FRAME)
       :: else -> assert(memory[DATA_A(next)] == FRAME)
       fi;
       next++;
       if
       :: next == FRAMES -> goto done
       :: else -> goto look
       fi
  :: word == SEAL -> at_seal = 1
  :: else
  fi;

  /* Nothing stands here: is there a successor? */
  if
  :: (!in_b && memory[MAGIC] == 1) ->
#ifndef NO_RELOOK
       if
       :: !at_seal ->
            word = memory[WORD_A(next)];
            if
            :: word != 0 -> goto taken
            :: else
            fi
       :: else
       fi;
#endif
       assert(memory[PREVIOUS_END] == 2); /* the header is there */
       assert(next == 2);                 /* and nothing was passed over */
       in_b = 1;
       goto look
  :: else
  fi;

  /* To sleep: make the word odd, make the writer's core pass a barrier, look again. */
  atomic { sleepers = sleepers | 1; expected = sleepers };
#ifndef NO_FENCE
  d_step {
    do
    :: buffered > 0 -> drain(0)
    :: else -> break
    od
  };
#endif
#ifndef NO_SECOND
  if
  :: in_b -> word = memory[WORD_B(0)]
  :: else -> word = memory[WORD_A(next)]
  fi;
  if
  :: (word != 0 && !at_seal) || (in_b && word != 0) -> goto look
  :: else
  fi;
  if
  :: (!in_b && memory[MAGIC] == 1) -> goto look
  :: else
  fi;
#endif
  atomic {
    if
    :: sleepers == expected -> asleep[me] = 1 /* the futex's own comparison */
    :: else -> goto look
    fi
  };
  (!asleep[me]);
  goto look;
done:
  skip
}

init {
  byte i;
  atomic {
    do
    :: i < READERS -> run reader(i); i++
    :: else -> break
    od
  }
}
