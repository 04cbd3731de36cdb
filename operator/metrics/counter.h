// Exact counts from raw samples: how much the counters of one arm rose in a block of time.
//
// Terms. A *target* is one scraped process (target_of in metrics/sample.h). Its *scrapes* are the timestamps
// of its `total` series. S(b), the target's scrape at a boundary b, is its last one at or before b. A block
// (from, to] of a target is what was seen after S(from) up to S(to). Every series of a target, of numerator
// and denominator alike, is read at these same two scrapes.
//
// What is exact
//   - Within a series each rise is v_i - v_(i-1), or v_i when the value fell (a reset). A histogram's buckets
//     fall together: a fall of either one resets both. Each rise belongs to exactly one of a row of adjoining
//     blocks.
//   - A series that is new while its target was already there counts from zero: the first error of a pod
//     creates the series that holds it. It is taken for seen before only if it has a sample within `lookback`
//     before `from`.
//   - A target whose total did not rise adds nothing, whether or not it was there at both ends.
//
// What is given up, in both arms and for numerator and denominator alike
//   - What a process did between its last scrape and its end: nobody knows. The same holds for a counter that
//     was reset and has passed its old value before the next scrape: it is short by that old value at most.
//   - A target that appears with a total above zero (new, or only newly scraped? its past cannot be told), or
//     that vanishes after a rise, or all of whose series are replaced by others between two scrapes
//     (relabelled): the block is dropped, Gap::TargetsChanged. So is one whose events come from a target that
//     `total` does not cover.
//   - A target is there at a boundary when its scrape is not older than three scrape intervals (the median of
//     the arm; at most `lookback`), so two missed scrapes lose nothing and delay the counts to the next block.
//     An arm of which no target is there at `to` is Stale; one without any sample is NoData.
//
// S(from) may be up to a scrape interval before `from`: after a change of weights leave that much before the
// first block. A scrape becomes visible shortly after its timestamp: read a block a few seconds after its
// end, or what a late scrape saw is counted in no block (again for numerator and denominator alike).
//
// Samples that are NaN, infinite or negative are passed over; of two samples with one timestamp the larger
// counts; order does not matter. The same samples give the same bits. Pure, no throw; a const object may be
// read from many threads.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "metrics/block.h"
#include "metrics/sample.h"

namespace sluice::metrics {

// One arm's part of a MetricReading. With a gap, counts are zero and `detail` says which target or edge.
struct ArmReading {
  Counts counts;  // events <= total, except of a mean
  std::optional<Gap> gap;
  std::string detail;
  std::optional<Time> newest_sample;  // at or before `to`
  std::map<std::string, double> classes;  // of_classes: what of the total is of which class
  bool operator==(const ArmReading&) const = default;
};

// The samples of one arm of one metric, ready to be read block by block.
class ArmSamples {
 public:
  // `events` should be a part of `total`. No series in `events` while `total` has some means no events: good
  // news, not missing data.
  static ArmSamples of_counter(const Matrix& total, const Matrix& events);

  // A counter by classes: `class_of` names that of a series by its labels. Events are none.
  using ClassOf = std::function<std::string(const Labels&)>;
  static ArmSamples of_classes(const Matrix& counter, const ClassOf& class_of);

  // A sum and how many were added up, read as events and total. What was added was not negative, or the sum would
  // seem to have been reset.
  static ArmSamples of_mean(const Matrix& count, const Matrix& sum);

  // Events are the observations above `edge`: count(le="+Inf") - count(le=edge), the edge matched as a
  // number. Series without `le` are passed over. Without that edge or +Inf: Gap::EdgeMissing; `detail` lists
  // the edges.
  static ArmSamples of_histogram(const Matrix& buckets, double edge);

  // The finite edges above `lowest` that there are, ascending: those of which all histograms together have a bucket.
  static std::vector<double> edges_of(const Matrix& buckets, double lowest = 0);

  // False when a histogram lacks the asked edge, or when there is no series at all.
  bool complete() const { return !edges_ && !targets_.empty(); }

  // The block (from, to]. Preconditions: from < to; the samples cover [from - lookback, to].
  ArmReading read(Time from, Time to, Duration lookback) const;

  // Adds to `pods`, by the target's name, what each target counted that was there at both ends of the block; the
  // others are passed over. Preconditions as above.
  void add_by_pod(Time from, Time to, Duration lookback, std::map<std::string, Counts>& pods) const;

 private:
  // One series (for a histogram: its +Inf and its edge bucket, as `total` and `events`) at one scrape: the
  // values, and how much they rose since they counted from zero.
  struct Point {
    Time at{};
    Counts value;
    Counts rise;
  };
  using Track = std::vector<Point>;
  struct Target {
    std::string name;
    std::vector<Track> total;   // these define the scrapes
    std::vector<Track> events;  // of a counter; a histogram's are in `total`
    std::vector<Time> scrapes;  // ascending, distinct
    std::vector<Time> breaks;   // scrapes that share no series with any before
    std::map<std::string, std::vector<Track>> classes;  // `total` again, by class
  };
  struct Building;
  // What a target is to a block. `first` and `last` are its scrapes; no `first`: it counts from zero.
  struct Part {
    bool there_at_from = false;
    bool there_at_to = false;
    std::optional<Time> first;
    std::optional<Time> last;
    std::string changed;  // how, if the block must be dropped for it
  };

  static Track make_track(std::vector<Point> points);
  static void add_totals(const Matrix& total, Building& building);
  static Counts rise(const std::vector<Track>& tracks, std::optional<Time> after, Time upto, Time oldest);
  Counts counts_of(const Target& target, const Part& part, Time oldest) const;
  static Part part_of(const Target& target, Time from, Time to, Duration age, Time oldest);
  void finish(Building& building);
  std::optional<Time> newest_scrape(Time oldest, Time to) const;
  Duration allowed_age(Time oldest, Time to, Duration lookback) const;
  std::string uncovered_events(Time from, Time to, Time oldest) const;

  std::vector<Target> targets_;       // in the order of their keys
  std::vector<Target> uncovered_;     // with events only: `total` does not have these targets
  std::optional<std::string> edges_;  // those that exist, when the asked one is missing
  bool histogram_ = false;
  bool mean_ = false;
};

}  // namespace sluice::metrics
