// `EventLink<T, C, Policy>`: a linked list of events, one end that pushes and any number of
// readers, each at a place of its own. Memory that every reader has passed is freed at once.
//
// The model is `EventLink` of timely's module `operators::capture::event`, whose `rc` and `arc`
// variants are one implementation and two policies here. Beyond it: an end that readers notice, and
// a list of any length is destroyed without recursion.
//
// The invariant: each node is kept by its predecessor, by the readers that stand on it and, if it
// is the last one, by the pusher. So who owns the pusher or a reader keeps what lies ahead of it,
// and nobody keeps what lies behind. The last node is empty: an event fills it and links a new one.
#pragma once

#include <atomic>
#include <cstddef>
#include <utility>

#include "tidemark/captured_event.h"
#include "tidemark/check.h"
#include "tidemark/result.h"

namespace tidemark {

// How the nodes of a link are counted and joined, where pusher and readers are all used by one
// thread at a time.
struct SingleThread {
  class Count {
   public:
    explicit Count(size_t initial) : value_(initial) {}
    void add() { ++value_; }
    bool drop() { return --value_ == 0; }
    bool is_one() const { return value_ == 1; }

   private:
    size_t value_;
  };

  template <typename Node>
  class Next {
   public:
    Node* get() const { return node_; }
    void set(Node* node) { node_ = node; }

   private:
    Node* node_ = nullptr;
  };
};

// The same where the pusher and each reader may be in a thread of its own.
struct MultiThread {
  // Written by all who come to hold a node or let go of it.
  class Count {
   public:
    explicit Count(size_t initial) : value_(initial) {}
    // Relaxed: who adds holds the node already, or its predecessor, so nobody can free it now.
    void add() { value_.fetch_add(1, std::memory_order_relaxed); }
    // Release, so that all that was done with the node comes before its end; acquire in the last
    // one, which pairs with the release of every other drop and then destroys the node.
    bool drop() { return value_.fetch_sub(1, std::memory_order_acq_rel) == 1; }
    // By a holder. Acquire: pairs with the release of those that dropped it before, so that their
    // reads come before what the only holder does to the event.
    bool is_one() const { return value_.load(std::memory_order_acquire) == 1; }

   private:
    std::atomic<size_t> value_;
  };

  // Written once, by the pusher; read by every reader that stands on the node.
  template <typename Node>
  class Next {
   public:
    // Acquire: pairs with the release in set(), so that the event that came with it is seen.
    Node* get() const { return node_.load(std::memory_order_acquire); }
    void set(Node* node) { node_.store(node, std::memory_order_release); }

   private:
    std::atomic<Node*> node_{nullptr};
  };
};

template <typename T, typename C, typename Policy = SingleThread>
class EventLink {
  struct Node {
    explicit Node(size_t holders) : count(holders) {}

    Event<T, C> event;
    typename Policy::Count count;
    // The node after this one, and `event` is there; this very node: nothing follows, ever; null:
    // not yet.
    typename Policy::template Next<Node> next;
  };

  // Lets go of a node, and of those after it that only it has kept: a loop, since a list is longer
  // than a stack is deep.
  static void release(Node* node) {
    while (node != nullptr && node->count.drop()) {
      Node* next = node->next.get();
      const bool last = next == node;
      delete node;
      node = last ? nullptr : next;
    }
  }

 public:
  // The end that pushes: an EventPusher. Its destruction is its finish(). One thread at a time.
  class Pusher {
   public:
    Pusher(Pusher&& other) noexcept : last_(std::exchange(other.last_, nullptr)) {}
    Pusher& operator=(Pusher&& other) noexcept {
      std::swap(last_, other.last_);
      return *this;
    }
    ~Pusher() { end(); }

    // Never blocks, and takes as much memory as the slowest reader leaves; without readers, none.
    // Errors: Closed after finish().
    Result<void> push(Event<T, C> event) {
      if (last_ == nullptr) return fail(ErrorCode::Closed, "the link was finished");
      Node* filled = last_;
      // Held by its predecessor and by this pusher.
      last_ = new Node(2);
      filled->event = std::move(event);
      filled->next.set(last_);
      release(filled);
      return {};
    }

    // From now on readers answer Ended once they have read everything. Succeeds again.
    Result<void> finish() {
      end();
      return {};
    }

   private:
    friend class EventLink;
    explicit Pusher(Node* node) : last_(node) {}

    void end() {
      if (last_ == nullptr) return;
      last_->next.set(last_);
      release(std::exchange(last_, nullptr));
    }

    Node* last_;
  };

  // Reads on from its place: an EventIterator. A copy reads on from the same place, on its own; an
  // event that was taken before is not in the copy. Each reader belongs to one thread at a time.
  class Reader {
   public:
    Reader(const Reader& other) : at_(other.at_), has_event_(other.has_event_) {
      if (at_ != nullptr) at_->count.add();
    }
    Reader(Reader&& other) noexcept
        : at_(std::exchange(other.at_, nullptr)),
          has_event_(std::exchange(other.has_event_, false)) {}
    Reader& operator=(Reader other) noexcept {
      std::swap(at_, other.at_);
      std::swap(has_event_, other.has_event_);
      return *this;
    }
    ~Reader() { release(at_); }

    // Never fails. Lets go of the event that was handed out before, whatever the answer.
    Result<Polled> poll() {
      TIDEMARK_CHECK(at_ != nullptr);
      if (has_event_) {
        Node* passed = std::exchange(at_, at_->next.get());
        at_->count.add();
        release(passed);
        has_event_ = false;
      }
      const Node* next = at_->next.get();
      if (next == nullptr) return Polled::Pending;
      if (next == at_) return Polled::Ended;
      has_event_ = true;
      return Polled::Event;
    }

    // Stands in the link and is shared with the other readers, until this one's next poll().
    const Event<T, C>& event() const {
      TIDEMARK_CHECK(has_event_);
      return at_->event;
    }

    // A copy; the event itself where this reader alone holds its node: then no other reader stands
    // here or before it, and none can come, except as a copy of this one.
    Event<T, C> take() {
      TIDEMARK_CHECK(has_event_);
      if (at_->count.is_one()) return std::move(at_->event);
      return at_->event;
    }

   private:
    friend class EventLink;
    explicit Reader(Node* node) : at_(node) {}

    Node* at_;
    bool has_event_ = false;
  };

  struct Ends {
    Pusher pusher;
    Reader reader;
  };

  // An empty link. `auto [pusher, reader] = EventLink<T, C>::make();`
  static Ends make() {
    // Held by both ends.
    Node* node = new Node(2);
    return {Pusher(node), Reader(node)};
  }
};

}  // namespace tidemark
