//! The DNS questions whose answer is still to come: one that does not come although the resolver spoke to the client on
//! the same flow was missed, and so was what a truncated answer did not say if the client does not ask over TCP.

use crate::event::Event;
use crate::limits;
use crate::time::{Span, Time};
use crate::wire::dns::Answered;
use std::collections::VecDeque;
use std::net::IpAddr;

/// How long an answer may take. A resolver that gets none itself gives up after 5 to 15 seconds.
const TIMEOUT: Span = Span::secs(30);

struct Question {
    client: IpAddr,
    port: u16,
    server: IpAddr,
    question: u32,
    at: Time,
    /// The resolver sent something else on the flow, so that the answer must have passed, too.
    spoken: bool,
}

/// All questions that wait, in the order in which they were asked.
#[derive(Default)]
pub struct Questions {
    waiting: VecDeque<Question>,
}

impl Questions {
    /// Notes that a client asked from this port. `question` is what [`super::dns::DnsMessage::question`] returns.
    pub fn asked(&mut self, (client, port): (IpAddr, u16), server: IpAddr, question: u32, now: Time) {
        // Clients repeat a question that gets no answer, and ask over TCP where the answer was truncated.
        let same = |one: &Question| (one.client, one.question) == (client, question);
        let spoken = self.waiting.iter().any(|one| same(one) && one.spoken);
        self.waiting.retain(|one| !same(one));
        let its = |one: &Question| one.client == client;
        if self.waiting.iter().filter(|one| its(one)).count() >= limits::QUESTIONS_PER_DEVICE {
            let oldest = self.waiting.iter().position(its);
            oldest.and_then(|oldest| self.waiting.remove(oldest));
        } else if self.waiting.len() >= limits::QUESTIONS {
            self.waiting.pop_front();
        }
        self.waiting.push_back(Question { client, port, server, question, at: now, spoken });
    }

    /// Notes that a client got this answer at its port.
    pub fn answered(&mut self, (client, port): (IpAddr, u16), server: IpAddr, answer: &Answered, now: Time) {
        self.waiting.retain(|one| (one.client, one.question) != (client, answer.question));
        for one in self.waiting.iter_mut().filter(|one| (one.client, one.port, one.server) == (client, port, server)) {
            one.spoken = true;
        }
        if answer.truncated {
            self.asked((client, port), server, answer.question, now);
            if let Some(one) = self.waiting.back_mut() {
                one.spoken = true;
            }
        }
    }

    /// Gives up on the questions that were asked too long ago, and reports those whose answer must have passed.
    pub fn expire(&mut self, now: Time, out: &mut Vec<Event>) {
        while let Some(old) = self.waiting.pop_front_if(|old| now.since(old.at) > TIMEOUT) {
            out.extend(old.spoken.then_some(Event::LookupMissed { client: old.client, server: old.server }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(last: u8) -> IpAddr {
        [192, 168, 8, last].into()
    }

    fn answer(question: u32, truncated: bool) -> Answered {
        Answered { question, truncated, designated: Vec::new() }
    }

    /// Returns how many questions are missed after half a minute.
    fn missed(mut questions: Questions) -> usize {
        let mut out = Vec::new();
        questions.expire(Time(0) + Span::secs(31), &mut out);
        out.len()
    }

    #[test]
    fn only_silence_on_a_flow_that_was_answered_is_a_miss() {
        let mut questions = Questions::default();
        questions.asked((ip(20), 1), ip(1), 100, Time(0));
        assert_eq!(missed(questions), 0, "the resolver said nothing at all");
        let mut questions = Questions::default();
        questions.asked((ip(20), 1), ip(1), 100, Time(0));
        questions.asked((ip(20), 1), ip(1), 200, Time(0));
        questions.answered((ip(20), 1), ip(1), &answer(200, false), Time(0));
        assert_eq!(missed(questions), 1);
    }

    #[test]
    fn a_repeated_question_and_one_over_tcp_are_the_same() {
        let mut questions = Questions::default();
        questions.asked((ip(20), 1), ip(1), 100, Time(0));
        questions.answered((ip(20), 1), ip(1), &answer(100, true), Time(0));
        questions.asked((ip(20), 9), ip(1), 100, Time(0));
        assert_eq!(missed(questions), 1, "nothing came after the truncated answer");
        let mut questions = Questions::default();
        questions.asked((ip(20), 1), ip(1), 100, Time(0));
        questions.answered((ip(20), 1), ip(1), &answer(100, true), Time(0));
        questions.asked((ip(20), 9), ip(1), 100, Time(0));
        questions.answered((ip(20), 9), ip(1), &answer(100, false), Time(0));
        assert_eq!(missed(questions), 0);
    }

    #[test]
    fn the_table_is_bounded_for_each_device_and_for_all() {
        let mut questions = Questions::default();
        questions.asked((ip(9), 1), ip(1), 7, Time(0));
        for question in 0..10_000 {
            questions.asked((ip(20), 1), ip(1), question, Time(0));
        }
        assert_eq!(questions.waiting.len(), limits::QUESTIONS_PER_DEVICE + 1);
    }
}
