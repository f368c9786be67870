#include "lintorch/train/timed_part.h"

#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <utility>

namespace lintorch::train {
namespace {

std::shared_ptr<c10::Event> record_event(c10::Device device) {
  auto event = std::make_shared<c10::Event>(device.type(), c10::EventFlag::BACKEND_DEFAULT);
  event->record(c10::impl::VirtualGuardImpl(device.type()).getStream(device));
  return event;
}

}  // namespace

TimedPart::TimedPart(MetricBag& metrics, std::string part, c10::Device device)
    : metrics_(metrics), name_("seconds/" + std::move(part)), device_(device) {
  if (device.is_cpu())
    begin_ = std::chrono::steady_clock::now();
  else
    start_ = record_event(device);
}

TimedPart::~TimedPart() {
  if (device_.is_cpu()) {
    metrics_.add(name_, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count());
    return;
  }
  metrics_.add_later(name_, [start = start_, end = record_event(device_)] {
    end->synchronize();
    return start->elapsedTime(*end) / 1e3;
  });
}

}  // namespace lintorch::train
